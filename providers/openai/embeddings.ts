/**
 * OpenAI embeddings: one vector for each text, in their order. Many are asked for as base64, which
 * is a third as long; an answer is read in either form, whatever was asked for.
 */
import { apiPath } from '../api-path.js';
import { embeddingsIn, embeddingUsage } from '../embedded.js';
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
    ...(await mappedInput({
      input: rest,
      ...(inputMap && { inputMap }),
      ...(routeRequest && { routeRequest }),
    })),
    model: providerModel,
    input: items,
    encoding_format: encoding,
    ...routeRequest?.add,
  };
}

function outcomeOf(answer: Fields, input: Fields, count: number): ProviderResult {
  const output = embeddingsIn(answer['data'], input, count);
  if (typeof output === 'string') return unusable(`HTTP 200 ${output}`);
  const { prompt_tokens: prompt, total_tokens: total } = isObject(answer['usage'])
    ? answer['usage']
    : {};
  return { kind: 'succeeded', output, usage: embeddingUsage(input, prompt, total) };
}
