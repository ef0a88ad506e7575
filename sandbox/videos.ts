/**
 * Videos from a specification, as pictures are: a painted scene across which a light travels. The
 * file's name is the specification, so a video needs no storage.
 */
import { encodeH264, type Frame } from './h264.js';
import { mp4Of } from './mp4.js';
import { paint, pictureSpec, type Brush } from './pictures.js';

export interface VideoSpec {
  /** Decides the scene; hexadecimal. */
  readonly seed: string;
  readonly width: number;
  readonly height: number;
  readonly durationMs: number;
}

const FPS = 8;
export const DURATION_MS_MAX = 10_000;

export const shapes: Readonly<Record<string, Pick<VideoSpec, 'width' | 'height'>>> = {
  '16:9': { width: 320, height: 180 },
  '9:16': { width: 180, height: 320 },
  '1:1': { width: 256, height: 256 },
};

export const videoFileName = ({ seed, width, height, durationMs }: VideoSpec): string =>
  `${seed}-${width}x${height}-${durationMs}.mp4`;

export function videoOfFile(name: string): VideoSpec | null {
  const [, seed, width, height, duration] =
    /^([0-9a-f]{1,32})-(\d{2,3})x(\d{2,3})-(\d{1,5})\.mp4$/.exec(name) ?? [];
  if (seed === undefined) return null;
  const spec = {
    seed,
    width: Number(width),
    height: Number(height),
    durationMs: Number(duration),
  };
  const isShape = Object.values(shapes).some(
    (shape) => shape.width === spec.width && shape.height === spec.height,
  );
  return isShape && spec.durationMs <= DURATION_MS_MAX ? spec : null;
}

export async function video(spec: VideoSpec, brush: Brush): Promise<Buffer> {
  const { seed, width, height, durationMs } = spec;
  const [across, down] = [padded(width), padded(height)];
  const scene = await paint(pictureSpec(seed, '', across, down), brush);
  const count = Math.max(1, Math.round((durationMs / 1_000) * FPS));
  const still = frameOf(scene, across, down);
  const frames = Array.from({ length: count }, (_, at) => withLight(still, at / count));
  const stream = encodeH264(frames, { width, height });
  return mp4Of({ stream, width, height, fps: FPS });
}

const padded = (side: number): number => Math.ceil(side / 16) * 16;

/** BT.601, of RGB; samples of 0 are kept out, which some decoders take for no sample. */
function frameOf(rgb: Uint8Array, width: number, height: number): Frame {
  const y = new Uint8Array(width * height);
  const cb = new Uint8Array((width * height) / 4);
  const cr = new Uint8Array((width * height) / 4);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const at = row * width + column;
      const [r, g, b] = [rgb[at * 3]!, rgb[at * 3 + 1]!, rgb[at * 3 + 2]!];
      y[at] = 16 + 0.257 * r + 0.504 * g + 0.098 * b;
      if (row % 2 === 1 || column % 2 === 1) continue;
      const chroma = ((row / 2) * width) / 2 + column / 2;
      cb[chroma] = 128 - 0.148 * r - 0.291 * g + 0.439 * b;
      cr[chroma] = 128 + 0.439 * r - 0.368 * g - 0.071 * b;
    }
  return { width, height, y, cb, cr };
}

const LIGHT_RADIUS = 14;
const BRIGHT = 235;

/** From the left to the right, in an arc. */
function withLight(still: Frame, progress: number): Frame {
  const { width, height } = still;
  const centre = { x: progress * width, y: height * (0.7 - 0.5 * Math.sin(Math.PI * progress)) };
  const y = Uint8Array.from(still.y);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const distance = Math.hypot(column - centre.x, row - centre.y);
      if (distance < LIGHT_RADIUS) y[row * width + column] = BRIGHT;
    }
  return { ...still, y };
}
