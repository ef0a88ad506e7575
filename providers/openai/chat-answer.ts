/**
 * A chat completion as a canonical answer, in all the shapes that servers of this format send: the
 * content a text, a list of parts or null; choices out of order; a completion's `text`; a refusal
 * beside the content; calls of tools in the old form.
 */
import { readErrorBody } from '../error-body.js';
import { unusable, withheld, type Unread } from '../failures.js';
import { isObject } from '../json-object.js';
import { meanings, type Known } from '../meanings.js';
import type { FinishReason, ProviderCall, ProviderResult } from '../port.js';
import {
  failedMidway,
  failedWord,
  reasonBy,
  spelled,
  textResult,
  type GeneratedCall,
} from '../text/generation.js';
import type { ResponseFormat } from '../text/request.js';
import { countOf, type ToldTokens } from '../text/tokens.js';
import { hasErrorField } from '../error-inside.js';
import { readOpenaiFailure } from './failures.js';

type Fields = Readonly<Record<string, unknown>>;

export function chatResult(
  call: Pick<ProviderCall, 'input' | 'dispatchKey'>,
  format: ResponseFormat,
  { choices, usage }: Fields,
): ProviderResult {
  const choice = firstOf(choices);
  if (!choice) return unusable('HTTP 200, without a choice');
  const failure = failureOf(choice, call.input);
  if (failure) return failure;
  const { delta, text: legacy, finish_reason: word } = choice;
  const message = isObject(choice['message']) ? choice['message'] : delta;
  if (!isObject(message) && typeof legacy !== 'string' && typeof word !== 'string')
    return unusable('HTTP 200, a choice without a message');
  const said: Fields = isObject(message) ? message : { content: legacy };
  const { content } = said;
  const calls = callsIn(said);
  const text = textIn(content) ?? (calls.length > 0 ? '' : undefined);
  const shape = Array.isArray(content) ? 'list' : typeof content;
  if (text === undefined) return unusable(`HTTP 200, content of type ${shape}`);
  const refusal = text === '' && typeof said['refusal'] === 'string' ? said['refusal'] : '';
  return textResult(call, format, {
    text: text || refusal,
    reason: refusal ? 'content_filter' : reasonOf(word),
    found: readErrorBody(choice).categories,
    calls,
    tokens: tokensIn(usage ?? choice['usage']),
  });
}

/** We ask for one; of several it is the one of index 0. */
function firstOf(choices: unknown): Fields | undefined {
  const all = Array.isArray(choices) ? (choices as unknown[]).filter(isObject) : [];
  return all.find(({ index }) => index === 0) ?? all[0];
}

/** Servers' words for a generation that failed midway, beside those that say so themselves. */
const failing: Readonly<Record<string, Known>> = {
  insufficient_system_resource: meanings.overloaded,
  error_toxic: meanings.rejected,
  malformed_function_call: meanings.broken,
  unexpected_tool_call: meanings.broken,
};

/** The code inside of the error counts, where there is one. */
function failureOf(choice: Fields, input: Fields): Unread | undefined {
  if (hasErrorField(choice)) {
    const body = { error: choice['error'] };
    return readOpenaiFailure({ status: undefined, body, retryAfterMs: undefined, input });
  }
  const word = spelled(choice['finish_reason']);
  const named = Object.hasOwn(failing, word) ? failing[word] : undefined;
  const meaning = named ?? (failedWord(word) === undefined ? undefined : meanings.broken);
  if (!meaning) return undefined;
  const detail = `finish_reason ${word}`;
  return meaning === meanings.rejected ? withheld(detail) : failedMidway(detail, meaning);
}

const reasons: Readonly<Record<string, FinishReason>> = {
  stop: 'stop',
  eos: 'stop',
  eos_token: 'stop',
  end_turn: 'stop',
  stop_sequence: 'stop',
  complete: 'stop',
  completed: 'stop',
  length: 'length',
  max_tokens: 'length',
  model_length: 'length',
  model_context_window_exceeded: 'length',
  tool_calls: 'tool_calls',
  function_call: 'tool_calls',
  tool_use: 'tool_calls',
  tool_call: 'tool_calls',
  content_filter: 'content_filter',
  content_filtered: 'content_filter',
  guardrail_intervened: 'content_filter',
  moderation: 'content_filter',
  prohibited_content: 'content_filter',
  recitation: 'content_filter',
  refusal: 'content_filter',
  safety: 'content_filter',
  sensitive: 'content_filter',
};

/** `content_filter: PROHIBITED_CONTENT`, `IMAGE_RECITATION`: it was withheld, whoever says it. */
const FILTERED =
  /^content_(filter|policy)|safety|prohibited|blocklist|spii|recitation|moderat|model_armor|nsfw/;

/** What speaks of a length or a limit is a cut, whoever says it. */
const CUT = /length|truncat|context_window|(^|_)max(_|imum|$)|(token|context|output|time)_?limit/;

function reasonOf(word: unknown): FinishReason {
  const known = reasonBy(reasons, word);
  if (known !== 'other' || typeof word !== 'string') return known;
  if (FILTERED.test(spelled(word))) return 'content_filter';
  return CUT.test(spelled(word)) ? 'length' : 'other';
}

/**
 * Parts of thinking add nothing, nor do those of kinds that we do not know. Undefined where nothing
 * of it can be read.
 */
function textIn(content: unknown): string | undefined {
  if (content === undefined || content === null) return '';
  if (typeof content === 'string') return content;
  const parts = Array.isArray(content) ? (content as unknown[]) : [content];
  const texts = parts.map(partText);
  const isUnreadable = texts.length > 0 && texts.every((text) => text === undefined);
  return isUnreadable ? undefined : texts.join('');
}

function partText(part: unknown): string | undefined {
  if (typeof part === 'string') return part;
  if (!isObject(part)) return undefined;
  if (/think|reason/i.test(String(part['type']))) return '';
  const { text, refusal } = part;
  return typeof text === 'string' ? text : typeof refusal === 'string' ? refusal : undefined;
}

function callsIn({ tool_calls: calls, function_call: old }: Fields): readonly GeneratedCall[] {
  const given = Array.isArray(calls) ? (calls as unknown[]) : [];
  const all = given.length === 0 && isObject(old) ? [old] : given;
  return all
    .filter(isObject)
    .map((one) => (isObject(one['function']) ? one['function'] : one))
    .filter(({ name }) => typeof name === 'string' && name !== '')
    .map(({ name, arguments: given }) => ({ name, arguments: given }));
}

/** `prompt_tokens` or `input_tokens`, and the details under the name of either. */
function tokensIn(usage: unknown): ToldTokens {
  if (!isObject(usage)) return {};
  const of = (name: string): Fields => (isObject(usage[name]) ? usage[name] : {});
  const input = { ...of('input_tokens_details'), ...of('prompt_tokens_details') };
  const output = { ...of('output_tokens_details'), ...of('completion_tokens_details') };
  return {
    input: firstCount(usage['prompt_tokens'], usage['input_tokens']),
    cached: firstCount(
      input['cached_tokens'],
      usage['prompt_cache_hit_tokens'],
      usage['cached_tokens'],
      usage['cache_read_input_tokens'],
    ),
    output: firstCount(usage['completion_tokens'], usage['output_tokens']),
    reasoning: firstCount(output['reasoning_tokens'], usage['reasoning_tokens']),
    total: usage['total_tokens'],
  };
}

const firstCount = (...told: readonly unknown[]): number | undefined =>
  told.map(countOf).find((count) => count !== undefined);
