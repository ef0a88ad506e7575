/**
 * OpenAI embeddings: one vector for each text, in their order. Many are asked for as base64, which
 * is a third as long; an answer is read in either form, whatever was asked for.
 */
import { inputTokensMax } from '../../domain/pricing/input-tokens.js';
import { apiPath } from '../api-path.js';
import { fileMissing, filesNamed } from '../files-named.js';
import { unusable } from '../failures.js';
import { urlOrData } from '../input-file.js';
import { mappedInput } from '../input-map.js';
import { callJson, isObject } from '../json-call.js';
import type { ProviderAdapter, ProviderCall, ProviderResult } from '../port.js';
import type { Wire } from '../vendor.js';
import { openaiDialect } from './failures.js';

const ANSWER_BYTES_MAX = 160 * 1024 * 1024;
const PLAIN_ITEMS_MAX = 32;

export function openaiEmbeddings(wire: Wire): ProviderAdapter {
  return {
    async call(call) {
      const items = await itemsOf(call);
      if (!items) return fileMissing;
      const read = await callJson(wire, call, {
        dialect: openaiDialect,
        method: 'POST',
        path: apiPath(call.provider, '/embeddings'),
        body: await requestOf(call, items),
        bytesMax: ANSWER_BYTES_MAX,
      });
      return 'outcome' in read ? read.outcome : outcomeOf(read.answer, call.input, items.length);
    },
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** Texts as they are, pictures as servers take them that embed both. */
async function itemsOf(call: ProviderCall): Promise<readonly unknown[] | undefined> {
  const { texts = [], images } = call.input;
  const files = filesNamed(call, images);
  if (!files) return undefined;
  const pictures = await Promise.all(files.map(async (file) => ({ image: await urlOrData(file) })));
  return [...(texts as unknown[]), ...pictures];
}

async function requestOf(call: ProviderCall, items: readonly unknown[]) {
  const { providerModel, input, inputMap, routeRequest } = call;
  const { texts: _texts, images: _images, ...rest } = input;
  const encoding = items.length > PLAIN_ITEMS_MAX ? 'base64' : 'float';
  return {
    ...(await mappedInput({ input: rest, ...(inputMap && { inputMap }) })),
    model: providerModel,
    input: items,
    encoding_format: encoding,
    ...routeRequest?.add,
  };
}

function outcomeOf({ data, usage }: Fields, input: Fields, count: number): ProviderResult {
  if (!Array.isArray(data) || data.length !== count)
    return unusable('HTTP 200 without a vector for each input');
  const rows = (data as unknown[]).map((one, place) => rowOf(one, place));
  const embeddings = rows.toSorted((a, b) => a.index - b.index).map(({ vector }) => vector);
  const dimensions = embeddings[0]?.length ?? 0;
  const isWhole =
    new Set(rows.map(({ index }) => index)).size === count &&
    dimensions > 0 &&
    embeddings.every((vector) => vector.length === dimensions && vector.every(Number.isFinite));
  if (!isWhole) return unusable('HTTP 200 with vectors that do not fit together');
  const asked = input['dimensions'];
  if (typeof asked === 'number' && asked !== dimensions)
    return unusable('HTTP 200 with vectors of another length than was asked for');
  return {
    kind: 'succeeded',
    output: { modality: 'embedding', embeddings },
    usage: usageOf(usage, input),
  };
}

function rowOf(one: unknown, place: number): { index: number; vector: readonly number[] } {
  const { index, embedding } = isObject(one) ? one : {};
  return { index: Number.isInteger(index) ? Number(index) : place, vector: vectorIn(embedding) };
}

const BYTES_PER_NUMBER = 4;

function vectorIn(embedding: unknown): readonly number[] {
  if (Array.isArray(embedding)) return embedding as number[];
  if (typeof embedding !== 'string') return [];
  const bytes = Buffer.from(embedding, 'base64');
  const count = Math.floor(bytes.length / BYTES_PER_NUMBER);
  return Array.from({ length: count }, (_, at) => bytes.readFloatLE(at * BYTES_PER_NUMBER));
}

/** Believed up to what the input can be; where it is no count, four bytes are a token. */
function usageOf(usage: unknown, input: Fields) {
  const { prompt_tokens: prompt, total_tokens: total } = isObject(usage) ? usage : {};
  const most = inputTokensMax(input);
  const told = [prompt, total].find((one) => Number.isSafeInteger(one) && Number(one) > 0);
  const images = Array.isArray(input['images']) ? input['images'].length : 0;
  const inputTokens = Math.min(Number(told ?? Math.ceil(most / 4)), most);
  return { inputTokens, ...(images > 0 && { images }) };
}
