/**
 * OpenAI image generations. `width` × `height` become `size`, `num_images` becomes `n`; whatever
 * else the model's schema allows (`seed`, `quality`, `style` …) goes through by its own name. A
 * file id in the input is replaced by the file itself, as a data URL. Usage is counted by us, in
 * images delivered: never more than were asked for, whatever the answer claims.
 */
import { LIST_ITEMS_MAX } from '../../contracts/events/schema-parts.js';
import { isId } from '../../contracts/ids.js';
import { urlOrData } from '../input-file.js';
import { openaiDialect } from './failures.js';
import { unusable } from '../failures.js';
import { callJson, isObject } from '../json-call.js';
import type { ProducedFile, ProviderAdapter, ProviderCall, ProviderResult } from '../port.js';
import type { Wire } from '../vendor.js';
import { apiPath } from '../api-path.js';

export function openaiImages(wire: Wire): ProviderAdapter {
  return {
    async call(call) {
      const input = await withFiles(call);
      if (!input) return fileMissing;
      const request = {
        dialect: openaiDialect,
        method: 'POST' as const,
        path: apiPath(call.provider, '/images/generations'),
        body: requestOf(call.providerModel, input),
        bytesMax: answerBytesMax(input),
      };
      const read = await callJson(wire, call, request);
      return 'outcome' in read ? read.outcome : outcomeOf(read.answer, imagesAsked(input));
    },
  };
}

type Fields = Readonly<Record<string, unknown>>;

const fileMissing: ProviderResult = {
  kind: 'failed',
  code: 'FILE_NOT_FOUND',
  retryable: false,
  countsAsFailure: false,
  detail: 'not sent: a file of the input was not given to the adapter',
};

/** The input with its files in place; undefined when one that it names is not there. */
async function withFiles({ input, files }: ProviderCall): Promise<Fields | undefined> {
  const filled: Record<string, unknown> = { ...input };
  for (const [name, value] of Object.entries(input)) {
    if (name === 'prompt' || typeof value !== 'string' || !isId('file', value)) continue;
    const file = files?.get(value);
    if (!file) return undefined;
    filled[name] = await urlOrData(file);
  }
  return filled;
}

/** Bytes in the answer, not a URL: one request less, and nothing to fetch from a stranger. */
function requestOf(providerModel: string, input: Fields): Fields {
  const { width, height, num_images: _images, n: _n, stream: _stream, ...rest } = input;
  return {
    ...rest,
    model: providerModel,
    n: imagesAsked(input),
    ...(isCount(width) && isCount(height) && { size: `${width}x${height}` }),
    // OpenAI's own gpt-image models always answer with bytes and refuse to be asked for them.
    ...(!providerModel.startsWith('gpt-image') && { response_format: 'b64_json' }),
  };
}

const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/** Eight bytes a pixel (16-bit RGBA, unpacked) in base64, and room for the rest. */
function answerBytesMax(input: Fields): number {
  const { width, height } = input;
  if (!isCount(width) || !isCount(height)) return ANSWER_BYTES_MAX;
  const perImage = width * height * 8 * (4 / 3) + 256 * 1024;
  return Math.min(Math.ceil(perImage * imagesAsked(input)), ANSWER_BYTES_MAX);
}

function imagesAsked({ num_images: asked }: Fields): number {
  return isCount(asked) && asked > 0 ? Math.min(asked, LIST_ITEMS_MAX) : 1;
}

function outcomeOf({ data }: Fields, asked: number): ProviderResult {
  if (!Array.isArray(data)) return unusable('HTTP 200 without data');
  const images = (data as unknown[]).slice(0, asked).flatMap((one) => producedIn(one));
  if (images.length === 0) return unusable('HTTP 200 without an image');
  return {
    kind: 'succeeded',
    output: { modality: 'image', images },
    usage: { images: images.length },
  };
}

function producedIn(one: unknown): ProducedFile[] {
  const { b64_json: base64, url } = isObject(one) ? one : {};
  if (typeof base64 === 'string' && base64.length > 0) return [{ base64 }];
  if (typeof url === 'string' && URL.canParse(url) && /^https?:/i.test(url)) return [{ url }];
  return [];
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;
