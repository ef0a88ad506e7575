/**
 * Pictures by `generateContent`: the prompt is the text of its contents, the shape that of
 * `imageConfig`, and the picture a part of the answer as it is.
 */
import { hash } from 'node:crypto';
import { type ApiError } from './api-error.js';
import { imageRequestOf, specsOf, type Gallery } from './images.js';
import { type Parsed } from './job.js';
import { type Personality } from './personalities.js';

type JsonObject = Readonly<Record<string, unknown>>;

interface Wanted {
  readonly model: string;
  readonly prompt: string;
  /** Base64 of pictures to start from. */
  readonly sources: readonly string[];
  readonly aspectRatio: unknown;
}

const AREA = 512 * 512;
/** A picture is so many tokens, whatever its size. */
const TOKENS = 1_290;

export function parsePicture(wanted: Wanted, personality: Personality, gallery: Gallery): Parsed {
  const { model, prompt, sources } = wanted;
  const source = sources.length > 0 ? hash('sha256', sources.join('\n'), 'hex') : undefined;
  const asked = { model, prompt, size: sizeOf(wanted.aspectRatio), response_format: 'b64_json' };
  const request = imageRequestOf({ ...asked, ...(source !== undefined && { source }) });
  if ('status' in request) return { refusal: request satisfies ApiError };
  const isBlocked = prompt.includes('[[moderation]]');
  const pictures: Buffer[] = [];
  const paintAll = async () => {
    for (const spec of specsOf(request, personality))
      pictures.push(await gallery.png(spec, personality.brush));
  };
  return {
    model,
    job: {
      status: 200,
      isPaid: !isBlocked,
      work: isBlocked ? null : paintAll,
      answer({ digest }) {
        const promptTokenCount = Math.ceil(prompt.length / 4);
        const candidatesTokenCount = isBlocked ? 0 : TOKENS;
        const totalTokenCount = promptTokenCount + candidatesTokenCount;
        const usage = { promptTokenCount, candidatesTokenCount, totalTokenCount };
        const parts = pictures.map((png) => ({
          inlineData: { mimeType: 'image/png', data: png.toString('base64') },
        }));
        const candidate: JsonObject = isBlocked
          ? { finishReason: 'IMAGE_SAFETY', index: 0 }
          : { content: { parts, role: 'model' }, finishReason: 'STOP', index: 0 };
        const about = { modelVersion: model, responseId: digest.slice(0, 23) };
        return { usage, body: { candidates: [candidate], usageMetadata: usage, ...about } };
      },
    },
  };
}

/** `16:9` as sides of about the usual area, in steps of 8. */
function sizeOf(ratio: unknown): string {
  const [, wide = '1', high = '1'] = /^(\d{1,2}):(\d{1,2})$/.exec(String(ratio)) ?? [];
  const width = Math.sqrt((AREA * Number(wide)) / Number(high));
  return [width, AREA / width].map((side) => Math.round(side / 8) * 8).join('x');
}
