/**
 * `POST …/v1/images/generations`, `…/edits` and the files that they point to. A file's name carries
 * the whole specification of its picture, so a download paints it again, also after a restart.
 */
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { type ApiError, contentPolicyViolation, invalidRequest } from './api-error.js';
import { type Parsed } from './job.js';
import { type Personality } from './personalities.js';
import { type PictureSpec } from './picture.js';
import { type Brush, moods, paint, pictureSpec, sideMax, sideMin } from './pictures.js';
import { encodePng } from './png.js';

/** PNG bytes of pictures, the most recent ones remembered. */
export interface Gallery {
  png(spec: PictureSpec, brush: Brush): Promise<Buffer>;
}

const promptCharsMax = 32_000;
const picturesMax = 4;
const squareDefault = 512;

export function openGallery(picturesKept: number): Gallery {
  const kept = new Map<string, Promise<Buffer>>();
  return {
    png(spec, brush) {
      const name = `${brush} ${fileNameOf(spec)}`;
      const picture = kept.get(name) ?? painted(spec, brush);
      kept.delete(name);
      kept.set(name, picture);
      for (const oldest of kept.keys()) {
        if (kept.size <= picturesKept) break;
        kept.delete(oldest);
      }
      return picture;
    },
  };
}

async function painted(spec: PictureSpec, brush: Brush): Promise<Buffer> {
  return encodePng(await paint(spec, brush), spec.width, spec.height);
}

/** `filesUrl` is the address under which this personality serves its files. */
export function parseImages(
  body: Record<string, unknown>,
  personality: Personality,
  gallery: Gallery,
  filesUrl: string,
): Parsed {
  const request = imageRequestOf(body);
  if ('status' in request) return { refusal: request };
  const { model, prompt, width, height, count, asUrl } = request;
  if (prompt.includes('[[moderation]]')) return { refusal: contentPolicyViolation };
  const specs = specsOf(request, personality);
  const pictures: Buffer[] = [];
  const paintAll = async () => {
    for (const spec of specs) pictures.push(await gallery.png(spec, personality.brush));
  };
  return {
    model,
    job: {
      status: 200,
      isPaid: true,
      work: asUrl ? null : paintAll,
      answer({ createdSeconds }) {
        const usage = usageOf(prompt, width, height, count);
        const data = asUrl
          ? specs.map((spec) => ({ url: `${filesUrl}/${fileNameOf(spec)}.png` }))
          : pictures.map((png) => ({ b64_json: png.toString('base64') }));
        return { usage, body: { created: createdSeconds, data, usage } };
      },
    },
  };
}

/** A form with one picture or several to start from; the same ones always lead to the same. */
export function parseEdit(
  form: Record<string, unknown>,
  personality: Personality,
  gallery: Gallery,
  filesUrl: string,
): Parsed {
  const { image, mask, n, ...rest } = form;
  const pictures = [image ?? [], mask ?? []].flat();
  if (image === undefined || !pictures.every(isPicture)) {
    const message = "'image' and 'mask' must be pictures in PNG, JPEG or WebP.";
    return { refusal: invalidRequest(message, 'image', 'invalid_image_format') };
  }
  const digests = (pictures as Buffer[]).map((one) => hash('sha256', one, 'hex').slice(0, 16));
  const body = { ...rest, ...(n !== undefined && { n: Number(n) }), source: digests.join(' ') };
  return parseImages(body, personality, gallery, filesUrl);
}

function isPicture(value: unknown): boolean {
  if (!Buffer.isBuffer(value)) return false;
  const head = value.toString('latin1', 0, 12);
  return (
    head.startsWith('\x89PNG') || head.startsWith('\xff\xd8\xff') || /^RIFF.{4}WEBP/s.test(head)
  );
}

/** Of the pictures that are asked for; one request and personality always give the same. */
export function specsOf(request: ImageRequest, by: Personality) {
  const { model, prompt, source, width, height, count } = request;
  return Array.from({ length: count }, (_, index) => {
    const key = hash('sha256', `${by.name}\n${model}\n${index}\n${prompt}${source}`, 'hex');
    return pictureSpec(key, prompt, width, height);
  });
}

/** Text at four characters a token, pictures at one token for each 16 × 16 pixels. */
function usageOf(prompt: string, width: number, height: number, count: number) {
  const inputTokens = Math.ceil(prompt.length / 4);
  const outputTokens = count * Math.ceil((width * height) / 256);
  return {
    input_tokens: inputTokens,
    output_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
  };
}

/** `img-<seed>-<hue>-<mood>-<width>x<height>-<CRC-32 of what precedes>`. */
export function fileNameOf({ seed, hue, mood, width, height }: PictureSpec): string {
  const name = `img-${hex8(seed)}-${hue}-${mood}-${width}x${height}`;
  return `${name}-${hex8(crc32(name))}`;
}

/** The picture that a file name stands for; null when no such file was ever made. */
export function pictureOfFile(fileName: string): PictureSpec | null {
  const parts = fileNamePattern.exec(fileName);
  if (!parts) return null;
  const [, seed = '', hue, moodWord, width, height] = parts;
  const mood = moods.find((known) => known === moodWord);
  if (!mood) return null;
  const spec = {
    seed: parseInt(seed, 16),
    hue: Number(hue),
    mood,
    width: Number(width),
    height: Number(height),
  };
  const fits = isSide(spec.width) && isSide(spec.height);
  return fits && `${fileNameOf(spec)}.png` === fileName ? spec : null;
}

const fileNamePattern =
  /^img-([0-9a-f]{8})-(\d{1,3})-([a-z]{1,8})-(\d{3,4})x(\d{3,4})-[0-9a-f]{8}\.png$/;

function hex8(value: number): string {
  return value.toString(16).padStart(8, '0');
}

interface ImageRequest {
  readonly model: string;
  readonly prompt: string;
  /** What of pictures to start from is told apart; empty where there is none. */
  readonly source: string;
  readonly width: number;
  readonly height: number;
  readonly count: number;
  readonly asUrl: boolean;
}

export function imageRequestOf(body: Record<string, unknown>): ImageRequest | ApiError {
  const { model, prompt } = body;
  if (typeof model !== 'string' || model.length < 1 || model.length > 256) {
    return invalidRequest('You must provide a model parameter.', 'model');
  }
  if (typeof prompt !== 'string' || prompt.trim() === '' || prompt.length > promptCharsMax) {
    const range = `a text of 1 to ${promptCharsMax} characters`;
    return invalidRequest(`'prompt' must be ${range}.`, 'prompt');
  }
  const count = body['n'] ?? 1;
  if (!Number.isInteger(count) || Number(count) < 1 || Number(count) > picturesMax) {
    return invalidRequest(`'n' must be a whole number from 1 to ${picturesMax}.`, 'n');
  }
  const format = body['response_format'] ?? 'url';
  if (format !== 'url' && format !== 'b64_json') {
    return invalidRequest("'response_format' must be 'url' or 'b64_json'.", 'response_format');
  }
  const size = sizeOf(body['size'] ?? 'auto');
  if (!size) {
    const range = `'auto' or WIDTHxHEIGHT with sides of ${sideMin} to ${sideMax} pixels`;
    return invalidRequest(`'size' must be ${range}.`, 'size', 'invalid_size');
  }
  const source = typeof body['source'] === 'string' ? `\n${body['source']}` : '';
  return { model, prompt, source, ...size, count: Number(count), asUrl: format === 'url' };
}

function sizeOf(given: unknown): { width: number; height: number } | null {
  if (given === 'auto') return { width: squareDefault, height: squareDefault };
  const parts = typeof given === 'string' ? /^(\d{3,4})x(\d{3,4})$/.exec(given) : null;
  if (!parts) return null;
  const width = Number(parts[1]);
  const height = Number(parts[2]);
  return isSide(width) && isSide(height) ? { width, height } : null;
}

function isSide(pixels: number): boolean {
  return pixels >= sideMin && pixels <= sideMax;
}
