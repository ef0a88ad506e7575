/**
 * Pictures from a specification: the same specification always gives the same pixels, so that a
 * picture needs no storage. The prompt decides seed, hue and mood; the personality its brush.
 */
import { seedOf } from './random.js';
import { currentsPainter } from './paint-currents.js';
import { landscapePainter } from './paint-landscape.js';
import { type Mood, type PictureSpec } from './picture.js';

export type Brush = 'landscape' | 'currents';

export const sideMin = 256;
export const sideMax = 1792;
export const moods: readonly Mood[] = ['night', 'dusk', 'day'];

const pixelsPerTurn = 128 * 1024;

export async function paint(spec: PictureSpec, brush: Brush): Promise<Uint8Array> {
  const { width, height } = spec;
  const rgb = new Uint8Array(width * height * 3);
  const painter = brush === 'landscape' ? landscapePainter(spec) : currentsPainter(spec);
  const rows = Math.max(1, Math.floor(pixelsPerTurn / width));
  for (let y = 0; y < height; y += rows) {
    painter(rgb, y, Math.min(height, y + rows));
    // Other calls get their turn between two strips of a large picture.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return rgb;
}

export function pictureSpec(key: string, prompt: string, width: number, height: number) {
  const seed = seedOf(key);
  const words = prompt
    .slice(0, 2000)
    .toLowerCase()
    .split(/[^\p{L}]+/u);
  let hue: number | undefined;
  let mood: Mood | undefined;
  for (const word of words) {
    hue ??= hueWords.get(word);
    mood ??= moodWords.get(word);
  }
  const spec: PictureSpec = {
    seed,
    hue: hue ?? seed % 360,
    mood: mood ?? moods[(seed >>> 9) % moods.length]!,
    width,
    height,
  };
  return spec;
}

const hueWords = new Map<string, number>([
  ...named(0, 'red crimson scarlet fire rose blood cherry apple strawberry ruby'),
  ...named(24, 'orange autumn fox copper pumpkin rust desert sand tiger amber'),
  ...named(46, 'yellow gold golden honey lemon wheat sunflower lion straw'),
  ...named(110, 'green forest tree trees grass meadow leaf leaves jungle moss garden frog'),
  ...named(172, 'turquoise teal lagoon mint jade emerald aurora'),
  ...named(205, 'blue sky sea ocean lake river water rain ice winter whale boat sailboat'),
  ...named(268, 'purple violet lavender galaxy nebula magic dream grape'),
  ...named(325, 'pink magenta flower flowers blossom orchid flamingo candy'),
]);

const moodWords = new Map<string, Mood>([
  ...named('night' as const, 'night midnight moon stars star dark space galaxy lighthouse neon'),
  ...named('dusk' as const, 'sunset sunrise dusk dawn evening twilight desert autumn'),
  ...named('day' as const, 'day daylight noon morning summer beach sunny spring meadow snow'),
]);

function named<T>(value: T, words: string): [string, T][] {
  return words.split(' ').map((word) => [word, value]);
}
