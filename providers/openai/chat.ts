/**
 * OpenAI chat completions, the wire format that most providers of text speak. `prompt`, `system`
 * and `messages` become the conversation; whatever else the model's schema allows (`max_tokens`,
 * `temperature`, `top_p`, `stop` …) goes through by its own name.
 */
import type { Usage } from '../../contracts/events/execution.js';
import { inputTokensMax } from '../../domain/pricing/input-tokens.js';
import { moderated, openaiDialect } from './failures.js';
import { unusable } from '../failures.js';
import { callJson, isObject } from '../json-call.js';
import type { FinishReason, ProviderAdapter, ProviderCall, ProviderResult } from '../port.js';
import type { Wire } from '../vendor.js';
import { apiPath } from '../api-path.js';

const ANSWER_BYTES_MAX = 4 * 1024 * 1024;

export function openaiChat(wire: Wire): ProviderAdapter {
  return {
    async call(call) {
      const body = requestOf(call);
      const request = {
        dialect: openaiDialect,
        method: 'POST' as const,
        path: apiPath(call.provider, '/chat/completions'),
        body,
        bytesMax: ANSWER_BYTES_MAX,
      };
      const read = await callJson(wire, call, request);
      return 'outcome' in read ? read.outcome : outcomeOf(read.answer, call.input);
    },
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** `n` and `stream` are held back too: it is one choice, all at once. */
const notByName = new Set(['model', 'prompt', 'system', 'messages', 'n', 'stream']);

function requestOf({ providerModel, input }: ProviderCall): Fields {
  const { prompt, system, messages } = input;
  const conversation = Array.isArray(messages)
    ? (messages as unknown[])
    : [{ role: 'user', content: prompt }];
  const request: Record<string, unknown> = {
    model: providerModel,
    messages:
      system === undefined ? conversation : [{ role: 'system', content: system }, ...conversation],
  };
  for (const name of Object.keys(input)) if (!notByName.has(name)) request[name] = input[name];
  return request;
}

function outcomeOf({ choices, usage }: Fields, input: Fields): ProviderResult {
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  const message = isObject(choice) ? choice['message'] : undefined;
  if (!isObject(choice) || !isObject(message)) return unusable('HTTP 200 without a choice');
  const finishReason = finishReasons.get(choice['finish_reason']) ?? 'stop';
  const { content, refusal } = message;
  if (finishReason === 'content_filter' && !content) return moderated;
  const words = typeof content === 'string' ? content : refusal;
  if (typeof words !== 'string') return unusable('HTTP 200 without text');
  const text = storable(words);
  return {
    kind: 'succeeded',
    output: { modality: 'text', text, finishReason },
    usage: usageOf(usage, input, text),
  };
}

const finishReasons: ReadonlyMap<unknown, FinishReason> = new Map<unknown, FinishReason>([
  ['stop', 'stop'],
  ['length', 'length'],
  ['content_filter', 'content_filter'],
]);

/** NUL and lone surrogates have no place in a database or in UTF-8; they become U+FFFD. */
const storable = (text: string): string => text.replace(/[\0\ud800-\udfff]/gu, '\ufffd');

/**
 * A provider's counts are believed up to what the input allowed: more than that is cut to it. What
 * is no count at all (absent, negative, a fraction, 1e308) is replaced by our own, four bytes a
 * token. So a charge is never negative, and never more than was estimated and held.
 */
function usageOf(given: unknown, input: Fields, text: string): Usage {
  const { prompt_tokens: prompt, completion_tokens: completion } = isObject(given) ? given : {};
  const outputMax = input['max_tokens'];
  const inputMax = inputTokensMax(input);
  const textBytes = Buffer.byteLength(text);
  return {
    inputTokens: believed(prompt, inputMax, inputMax),
    outputTokens: believed(completion, textBytes, isCount(outputMax) ? outputMax : textBytes),
  };
}

function believed(count: unknown, bytes: number, max: number): number {
  return Math.min(isCount(count) ? count : Math.ceil(bytes / 4), max);
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;
