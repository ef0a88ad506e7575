/**
 * Gemini `generateContent` for pictures: the prompt and the pictures to start from are parts of one
 * content, and pictures come back as `inlineData` among its parts. One is made a call. A size is
 * asked for by its shape, since that is what the models know.
 */
import { fileMissing, filesNamed } from '../files-named.js';
import { unusable, withheld } from '../failures.js';
import { isObject } from '../json-object.js';
import type {
  InputFile,
  ProducedFile,
  ProviderAdapter,
  ProviderCall,
  ProviderResult,
} from '../port.js';
import { imagesAsked } from '../produced.js';
import { unsupported } from '../text/request.js';
import type { Wire } from '../vendor.js';
import { blockedBy, categoriesIn, firstCandidate, partsOf } from './candidates.js';
import { callGemini } from './client.js';
import { tokensIn } from './usage.js';

/** One picture of 4K, in base64, twice: with a thought before it. */
const ANSWER_BYTES_MAX = 96 * 1024 * 1024;

export function geminiImages(wire: Wire): ProviderAdapter {
  return {
    async call(call) {
      const { input } = call;
      if (imagesAsked(input) > 1) return unsupported('input.num_images', 'must be at most 1');
      const files = filesNamed(call, input['images'] ?? input['image']);
      if (!files) return fileMissing;
      const read = await callGemini(wire, call, {
        method: 'generateContent',
        body: await bodyOf(call, files),
        bytesMax: ANSWER_BYTES_MAX,
      });
      return 'outcome' in read ? read.outcome : outcomeOf(read.answer);
    },
  };
}

type Fields = Readonly<Record<string, unknown>>;

async function bodyOf(
  { input, routeRequest = {} }: ProviderCall,
  files: readonly InputFile[],
): Promise<Fields> {
  const pictures = await Promise.all(
    files.map(async (file) => ({
      inlineData: {
        mimeType: file.contentType,
        data: (await file.bytes()).toString('base64'),
      },
    })),
  );
  const aspectRatio = shapeOf(input);
  const config: Record<string, unknown> = {
    responseModalities: ['TEXT', 'IMAGE'],
    ...(aspectRatio !== undefined && { imageConfig: { aspectRatio } }),
  };
  for (const name of ['seed', ...(routeRequest.pass ?? [])])
    if (input[name] !== undefined) config[name] = input[name];
  return {
    contents: [{ role: 'user', parts: [{ text: input['prompt'] }, ...pictures] }],
    generationConfig: config,
    ...routeRequest.add,
  };
}

function shapeOf({ width, height, aspect_ratio: ratio }: Fields): string | undefined {
  if (typeof ratio === 'string') return ratio;
  if (!Number.isInteger(width) || !Number.isInteger(height)) return undefined;
  const common = commonDivisor(Number(width), Number(height));
  return `${Number(width) / common}:${Number(height) / common}`;
}

const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b));

function outcomeOf(answer: Fields): ProviderResult {
  const blocked = blockedBy(answer);
  if (blocked) return blocked;
  const candidate = firstCandidate(answer);
  if (!candidate) return unusable('HTTP 200 without a candidate');
  const images = partsOf(candidate).flatMap((part) => pictureIn(part));
  if (images.length > 0)
    return {
      kind: 'succeeded',
      output: { modality: 'image', images: images.slice(-1) },
      usage: { images: 1, ...tokensIn(answer) },
    };
  const { finishReason, safetyRatings } = candidate;
  const reason = typeof finishReason === 'string' ? finishReason : '';
  const word = /^[A-Z_]{1,64}$/.test(reason) ? reason : 'unnamed';
  if (/SAFETY|PROHIBITED|BLOCKLIST|SPII|RECITATION|MODEL_ARMOR/.test(reason))
    return withheld(`finishReason ${word}`, [word, ...categoriesIn(safetyRatings)]);
  return unusable(`HTTP 200 without a picture, finishReason ${word}`);
}

/** What a model drew while it thought is no output. */
function pictureIn(part: Fields): ProducedFile[] {
  const inline = part['inlineData'] ?? part['inline_data'];
  const data = isObject(inline) ? inline['data'] : undefined;
  return part['thought'] !== true && typeof data === 'string' && data !== ''
    ? [{ base64: data }]
    : [];
}
