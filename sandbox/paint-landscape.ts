/** A lake between mountains: sky with sun or moon, stars and curtains of light, ridges, water. */
import { type Colour, hsl, mix, ramp } from './colour.js';
import { type Painter, type PictureSpec } from './picture.js';
import { type Random, seededRandom } from './random.js';

interface Ridge {
  /** First row of the mountain in every column. */
  readonly top: Float32Array;
  readonly red: number;
  readonly green: number;
  readonly blue: number;
}

interface Curtain {
  readonly foot: Float32Array;
  readonly strength: Float32Array;
  readonly perRow: number;
  readonly colour: Colour;
}

interface Scene {
  readonly sky: Float32Array;
  readonly light: { x: number; y: number; radius: number; glow: number; colour: Colour };
  readonly stars: ReadonlyMap<number, readonly { x: number; strength: number }[]>;
  readonly curtains: readonly Curtain[];
  /** The nearest first. */
  readonly ridges: readonly Ridge[];
  readonly shore: number;
  readonly water: Colour;
}

export function landscapePainter(spec: PictureSpec): Painter {
  const { width } = spec;
  const scene = sceneOf(spec, seededRandom(spec.seed));
  return (rgb, from, to) => {
    for (let y = from; y < to; y++) {
      if (y >= scene.shore) paintWater(rgb, y, spec, scene);
      else paintAir(rgb, y, width, scene);
    }
  };
}

function paintAir(rgb: Uint8Array, y: number, width: number, scene: Scene): void {
  const { sky, light, ridges, curtains } = scene;
  const [lightRed, lightGreen, lightBlue] = light.colour;
  const skyRed = sky[y * 3]!;
  const skyGreen = sky[y * 3 + 1]!;
  const skyBlue = sky[y * 3 + 2]!;
  const radius2 = light.radius * light.radius;
  const edge = 2.5 * light.radius;
  const dy2 = (y - light.y) * (y - light.y);
  let at = y * width * 3;
  for (let x = 0; x < width; x++) {
    let ridge: Ridge | undefined;
    for (let k = 0; k < ridges.length; k++) {
      if (y >= ridges[k]!.top[x]!) {
        ridge = ridges[k]!;
        break;
      }
    }
    if (ridge) {
      // Mist gathers at the foot of each mountain, where it takes on the colour of the sky.
      const mist = Math.min(0.45, (y - ridge.top[x]!) * 0.0035);
      rgb[at++] = ridge.red + (skyRed - ridge.red) * mist;
      rgb[at++] = ridge.green + (skyGreen - ridge.green) * mist;
      rgb[at++] = ridge.blue + (skyBlue - ridge.blue) * mist;
      continue;
    }
    const d2 = (x - light.x) * (x - light.x) + dy2;
    const inside = (radius2 - d2) / edge;
    const shine = inside >= 1 ? 1 : Math.max(inside, (light.glow * radius2) / (d2 + radius2));
    let red = skyRed + (lightRed - skyRed) * shine;
    let green = skyGreen + (lightGreen - skyGreen) * shine;
    let blue = skyBlue + (lightBlue - skyBlue) * shine;
    for (let k = 0; k < curtains.length; k++) {
      const curtain = curtains[k]!;
      const rise = (curtain.foot[x]! - y) * curtain.perRow;
      if (rise <= 0 || rise >= fadeSteps) continue;
      const strength = curtain.strength[x]! * fade[rise | 0]!;
      red += curtain.colour[0] * strength;
      green += curtain.colour[1] * strength;
      blue += curtain.colour[2] * strength;
    }
    rgb[at++] = red > 255 ? 255 : red;
    rgb[at++] = green > 255 ? 255 : green;
    rgb[at++] = blue > 255 ? 255 : blue;
  }
  for (const { x, strength } of scene.stars.get(y) ?? []) {
    if (ridges.some(({ top }) => y >= top[x]!)) continue;
    const star = (y * width + x) * 3;
    for (let i = star; i < star + 3; i++) rgb[i] = rgb[i]! + (255 - rgb[i]!) * strength;
  }
}

/** Water mirrors the rows above the shore, broken by ripples that widen towards the viewer. */
function paintWater(rgb: Uint8Array, y: number, spec: PictureSpec, scene: Scene): void {
  const { width, height } = spec;
  const depth = (y - scene.shore) / (height - scene.shore);
  const mirrored = Math.max(0, Math.round(scene.shore - 1 - (y - scene.shore) * 1.6));
  const wave = Math.sin(y * (1.9 - depth) + spec.seed) * Math.sin(y * 0.37);
  const shift = Math.round(wave * (1 + depth * 9) * (width / 512));
  const share = 0.3 + 0.3 * depth + 0.05 * wave;
  const [waterRed, waterGreen, waterBlue] = scene.water;
  const row = mirrored * width;
  let at = y * width * 3;
  for (let x = 0; x < width; x++) {
    const seen = x + shift;
    const source = (row + (seen < 0 ? 0 : seen >= width ? width - 1 : seen)) * 3;
    rgb[at++] = rgb[source]! + (waterRed - rgb[source]!) * share;
    rgb[at++] = rgb[source + 1]! + (waterGreen - rgb[source + 1]!) * share;
    rgb[at++] = rgb[source + 2]! + (waterBlue - rgb[source + 2]!) * share;
  }
}

function sceneOf(spec: PictureSpec, random: Random): Scene {
  const { width, height, mood, hue } = spec;
  const shore = Math.round(height * (0.74 + random() * 0.08));
  const [zenith, middle, horizon, shadow, glowing] = paletteOf(spec);
  const tall = mood === 'night' ? 0.12 + random() * 0.2 : 0.16 + random() * 0.3;
  const light = {
    x: width * (0.2 + random() * 0.6),
    y: height * tall,
    radius: Math.min(width, height) * (mood === 'dusk' ? 0.075 : 0.045),
    glow: mood === 'night' ? 0.35 : 0.75,
    colour: glowing,
  };
  const ridges: Ridge[] = [];
  const count = 4;
  for (let k = 0; k < count; k++) {
    const near = k / (count - 1);
    const [red, green, blue] = mix(mix(horizon, shadow, 0.38), shadow, near);
    const base = shore - height * (0.24 - 0.2 * near) + height * 0.02 * random();
    const top = ridgeLine(random, width, height, base, height * (0.17 - 0.1 * near));
    ridges.unshift({ top, red, green, blue });
  }
  const curtains = mood === 'night' ? curtainsOf(random, width, height, hue) : [];
  return {
    sky: ramp([zenith, middle, horizon], shore),
    light,
    stars: mood === 'night' ? starsOf(random, width, shore) : new Map(),
    curtains,
    ridges,
    shore,
    water: mix(zenith, shadow, 0.5),
  };
}

/** Zenith, middle of the sky, horizon, the nearest mountain, and the sun or moon. */
function paletteOf({ hue, mood }: PictureSpec): readonly [Colour, Colour, Colour, Colour, Colour] {
  switch (mood) {
    case 'night':
      return [
        hsl(hue + 70, 0.5, 0.06),
        hsl(hue + 50, 0.5, 0.13),
        hsl(hue + 20, 0.45, 0.27),
        hsl(hue + 60, 0.5, 0.035),
        hsl(50, 0.5, 0.93),
      ];
    case 'dusk':
      return [
        hsl(hue + 230, 0.45, 0.24),
        hsl(hue + 320, 0.5, 0.5),
        hsl(hue + 20, 0.85, 0.72),
        hsl(hue + 250, 0.45, 0.1),
        hsl(hue + 38, 1, 0.88),
      ];
    case 'day':
      return [
        hsl(hue, 0.42, 0.5),
        hsl(hue + 12, 0.45, 0.7),
        hsl(hue + 35, 0.7, 0.91),
        hsl(hue + 25, 0.45, 0.18),
        hsl(50, 1, 0.97),
      ];
  }
}

function ridgeLine(random: Random, width: number, height: number, base: number, amplitude: number) {
  const noise = noiseLine(random, width, 2.2 + random() * 2, 6);
  const top = new Float32Array(width);
  for (let x = 0; x < width; x++) top[x] = Math.min(height, base - amplitude * noise[x]!);
  return top;
}

/** Octaves of smooth noise, about -1 to 1, `waves` of the widest over the whole width. */
function noiseLine(random: Random, width: number, waves: number, octaves: number): Float32Array {
  const line = new Float32Array(width);
  let amplitude = 1;
  for (let octave = 0; octave < octaves; octave++) {
    const frequency = waves * 2 ** octave;
    const knots = Array.from({ length: Math.ceil(frequency) + 2 }, () => random() * 2 - 1);
    for (let x = 0; x < width; x++) {
      const at = (x / width) * frequency;
      const left = Math.floor(at);
      const share = at - left;
      const eased = share * share * (3 - 2 * share);
      line[x] = line[x]! + amplitude * (knots[left]! + (knots[left + 1]! - knots[left]!) * eased);
    }
    amplitude *= 0.5;
  }
  return line;
}

function curtainsOf(random: Random, width: number, height: number, hue: number): Curtain[] {
  const count = 2 + Math.floor(random() * 2);
  return Array.from({ length: count }, (_, index) => {
    const bend = noiseLine(random, width, 1.5, 3);
    const streaks = noiseLine(random, width, 9, 4);
    const breadth = noiseLine(random, width, 1.2, 2);
    const level = height * (0.36 + 0.13 * index + random() * 0.06);
    return {
      foot: bend.map((value) => level + value * height * 0.09),
      strength: streaks.map((value, x) =>
        Math.max(0, 0.3 + 0.2 * value + 0.38 * (breadth[x] ?? 0)),
      ),
      perRow: fadeSteps / (height * (0.26 + random() * 0.16)),
      colour: hsl(hue + index * 48, 0.85, 0.56),
    };
  });
}

const fadeSteps = 256;

/** A curtain is brightest just above its foot and dies away upwards. */
const fade = Float32Array.from({ length: fadeSteps }, (_, step) => {
  const rise = step / fadeSteps;
  return Math.min(1, rise * 12) * Math.exp(-3.2 * rise) * (1 - rise);
});

function starsOf(random: Random, width: number, shore: number) {
  const stars = new Map<number, { x: number; strength: number }[]>();
  const count = Math.round((width * shore) / 1500);
  for (let i = 0; i < count; i++) {
    const y = Math.floor(random() * random() * shore);
    const star = { x: Math.floor(random() * width), strength: 0.25 + 0.75 * random() ** 3 };
    stars.set(y, [...(stars.get(y) ?? []), star]);
  }
  return stars;
}
