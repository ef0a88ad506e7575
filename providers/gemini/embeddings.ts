/**
 * Gemini `batchEmbedContents`: one request of a batch for each text, their vectors in the same
 * order. A batch has at most 100 texts there: `capabilities: { max_texts: 100 }` says so in the
 * catalogue. Where the answer counts no tokens, four bytes are one.
 */
import { inputTokensMax } from '../../domain/pricing/input-tokens.js';
import { unusable } from '../failures.js';
import { isObject } from '../json-object.js';
import type { ProviderAdapter, ProviderCall, ProviderResult } from '../port.js';
import { unsupported } from '../text/request.js';
import type { Wire } from '../vendor.js';
import { callGemini } from './client.js';
import { tokensIn } from './usage.js';

const ANSWER_BYTES_MAX = 32 * 1024 * 1024;

export function geminiEmbeddings(wire: Wire): ProviderAdapter {
  return {
    async call(call) {
      const { texts } = call.input;
      if (!Array.isArray(texts)) return unsupported('input.images');
      const read = await callGemini(wire, call, {
        method: 'batchEmbedContents',
        body: bodyOf(call, texts as unknown[]),
        bytesMax: ANSWER_BYTES_MAX,
      });
      return 'outcome' in read ? read.outcome : outcomeOf(read.answer, call.input, texts.length);
    },
  };
}

type Fields = Readonly<Record<string, unknown>>;

function bodyOf(
  { providerModel, input, routeRequest = {} }: ProviderCall,
  texts: readonly unknown[],
): Fields {
  const { dimensions } = input;
  const model = providerModel.includes('/') ? providerModel : `models/${providerModel}`;
  const passed: Record<string, unknown> = {};
  for (const name of routeRequest.pass ?? [])
    if (input[name] !== undefined) passed[name] = input[name];
  const requests = texts.map((text) => ({
    model,
    content: { parts: [{ text }] },
    ...(dimensions !== undefined && { outputDimensionality: dimensions }),
    ...passed,
  }));
  return { requests, ...routeRequest.add };
}

function outcomeOf(answer: Fields, input: Fields, count: number): ProviderResult {
  const { embeddings: given } = answer;
  if (!Array.isArray(given) || given.length !== count)
    return unusable('HTTP 200 without a vector for each text');
  const embeddings = (given as unknown[]).map(vectorIn);
  const dimensions = embeddings[0]?.length ?? 0;
  if (dimensions === 0 || embeddings.some((vector) => vector.length !== dimensions))
    return unusable('HTTP 200 with vectors that do not fit together');
  const asked = input['dimensions'];
  if (typeof asked === 'number' && asked !== dimensions)
    return unusable('HTTP 200 with vectors of another length than was asked for');
  const most = inputTokensMax(input);
  const { inputTokens = Math.ceil(most / 4) } = tokensIn(answer);
  const output = { modality: 'embedding' as const, embeddings };
  return { kind: 'succeeded', output, usage: { inputTokens: Math.min(inputTokens, most) } };
}

/** Empty for what is no list of numbers. */
function vectorIn(one: unknown): readonly number[] {
  const values = isObject(one) ? one['values'] : undefined;
  const isVector = Array.isArray(values) && (values as unknown[]).every(Number.isFinite);
  return isVector ? (values as number[]) : [];
}
