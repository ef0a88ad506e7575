/**
 * Gemini `batchEmbedContents`: one request of a batch for each text, their vectors in the same
 * order. A batch has at most 100 texts there: `capabilities: { max_texts: 100 }` says so in the
 * catalogue. Where the answer counts no tokens, four bytes are one.
 */
import { embeddingsIn, embeddingUsage } from '../embedded.js';
import { unusable } from '../failures.js';
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
  const output = embeddingsIn(answer['embeddings'], input, count);
  if (typeof output === 'string') return unusable(`HTTP 200 ${output}`);
  return { kind: 'succeeded', output, usage: embeddingUsage(input, tokensIn(answer).inputTokens) };
}
