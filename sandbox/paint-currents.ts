/** Flowing bands of colour, bent by waves, under translucent discs and thin rings. */
import { type Colour, hsl, ramp } from './colour.js';
import { type Painter, type PictureSpec } from './picture.js';
import { type Random, seededRandom } from './random.js';

interface Disc {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly colour: Colour;
  readonly opacity: number;
  /** Width of the ring in pixels; null fills the whole disc. */
  readonly ringWidth: number | null;
}

const paletteSteps = 1024;
const sineSteps = 4096;
const sine = Float32Array.from({ length: sineSteps }, (_, i) =>
  Math.sin((i / sineSteps) * 2 * Math.PI),
);

export function currentsPainter(spec: PictureSpec): Painter {
  const random = seededRandom(spec.seed);
  const paintBands = bandsOf(spec, random);
  const discs = discsOf(spec, random);
  return (rgb, from, to) => {
    paintBands(rgb, from, to);
    for (const disc of discs) paintDisc(rgb, from, to, spec.width, disc);
  };
}

function bandsOf(spec: PictureSpec, random: Random): Painter {
  const { width, height } = spec;
  const palette = ramp(paletteOf(spec), paletteSteps);
  const unit = sineSteps / Math.max(width, height);
  const tilt = (random() - 0.5) * 1.6;
  const bends = (0.7 + random() * 0.9) * unit;
  const ripples = (1.6 + random() * 1.6) * unit;
  const bandsAcross = 1.1 + random() * 1.1;
  const phases = [random(), random(), random()].map((phase) => phase * sineSteps);
  const [first = 0, second = 0, third = 0] = phases;
  // What depends on the column alone is computed once per column, not once per pixel.
  const lift = Float32Array.from({ length: width }, (_, x) => 0.16 * at(x * bends + first));
  const slope = Float32Array.from({ length: width }, (_, x) => (tilt * x) / width);
  return (rgb, from, to) => {
    for (let y = from; y < to; y++) {
      const down = y / height;
      const sway = 420 * at(y * bends * 1.3 + second);
      let out = y * width * 3;
      for (let x = 0; x < width; x++) {
        const ripple = sine[(x * ripples + y * unit * 0.6 + sway + third) & (sineSteps - 1)]!;
        const flow = (down + slope[x]! + lift[x]! + 0.07 * ripple) * bandsAcross * sineSteps;
        const band = sine[flow & (sineSteps - 1)]!;
        const shade = sine[(flow * 3.1 + sway) & (sineSteps - 1)]!;
        const tone = (0.5 + 0.42 * band + 0.08 * shade) * (paletteSteps - 1);
        const colour = (tone | 0) * 3;
        rgb[out++] = palette[colour]!;
        rgb[out++] = palette[colour + 1]!;
        rgb[out++] = palette[colour + 2]!;
      }
    }
  };
}

function at(angle: number): number {
  return sine[angle & (sineSteps - 1)]!;
}

function paletteOf({ hue, mood }: PictureSpec): readonly Colour[] {
  switch (mood) {
    case 'night':
      return [
        hsl(hue + 40, 0.6, 0.07),
        hsl(hue + 25, 0.6, 0.18),
        hsl(hue, 0.65, 0.36),
        hsl(hue - 30, 0.6, 0.55),
        hsl(hue - 60, 0.75, 0.76),
      ];
    case 'dusk':
      return [
        hsl(hue + 250, 0.45, 0.2),
        hsl(hue + 310, 0.5, 0.4),
        hsl(hue + 350, 0.7, 0.58),
        hsl(hue + 20, 0.85, 0.7),
        hsl(hue + 45, 0.9, 0.86),
      ];
    case 'day':
      return [
        hsl(hue + 15, 0.6, 0.36),
        hsl(hue, 0.6, 0.52),
        hsl(hue - 15, 0.6, 0.7),
        hsl(hue - 40, 0.55, 0.84),
        hsl(hue - 80, 0.7, 0.93),
      ];
  }
}

function discsOf({ width, height, hue, mood }: PictureSpec, random: Random): Disc[] {
  const side = Math.min(width, height);
  const count = 4 + Math.floor(random() * 4);
  return Array.from({ length: count }, (_, index) => ({
    x: width * random(),
    y: height * random(),
    radius: side * (index === 0 ? 0.2 + random() * 0.1 : 0.04 + random() * 0.12),
    colour: hsl(hue + 150 + random() * 90, 0.75, mood === 'night' ? 0.72 : 0.9),
    opacity: 0.22 + random() * 0.4,
    ringWidth: random() < 0.45 ? side * (0.004 + random() * 0.012) : null,
  }));
}

function paintDisc(rgb: Uint8Array, from: number, to: number, width: number, disc: Disc): void {
  const { x, y, radius, opacity, ringWidth } = disc;
  const [red, green, blue] = disc.colour;
  const top = Math.max(from, Math.floor(y - radius));
  const bottom = Math.min(to, Math.ceil(y + radius) + 1);
  for (let row = top; row < bottom; row++) {
    const half2 = radius * radius - (row - y) * (row - y);
    if (half2 <= 0) continue;
    const half = Math.sqrt(half2);
    const left = Math.max(0, Math.floor(x - half));
    const right = Math.min(width - 1, Math.ceil(x + half));
    for (let column = left; column <= right; column++) {
      const distance = Math.sqrt((column - x) * (column - x) + (row - y) * (row - y));
      const depth = radius - distance;
      if (depth <= 0) continue;
      let share = depth < 1 ? opacity * depth : opacity;
      if (ringWidth !== null) {
        if (depth > ringWidth + 1) continue;
        if (depth > ringWidth) share *= ringWidth + 1 - depth;
      } else {
        share *= 0.45 + (0.55 * distance) / radius;
      }
      const out = (row * width + column) * 3;
      rgb[out] = rgb[out]! + (red - rgb[out]!) * share;
      rgb[out + 1] = rgb[out + 1]! + (green - rgb[out + 1]!) * share;
      rgb[out + 2] = rgb[out + 2]! + (blue - rgb[out + 2]!) * share;
    }
  }
}
