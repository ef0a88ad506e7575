/**
 * An Anthropic message as a canonical answer. `input_tokens` are those that no cache had a part in:
 * read from a cache and written to one, they stand beside it. A price per cached token is for those
 * that were read; those that were written count as any other.
 */
import { unusable, withheld, type Unread } from '../failures.js';
import { isObject } from '../json-object.js';
import { meanings } from '../meanings.js';
import type { FinishReason, ProviderCall, ProviderResult } from '../port.js';
import { failedMidway, failedWord, reasonBy, textResult } from '../text/generation.js';
import type { ResponseFormat } from '../text/request.js';
import { countOf, type ToldTokens } from '../text/tokens.js';
import { ANSWER_TOOL } from './messages-request.js';

type Fields = Readonly<Record<string, unknown>>;

export function messagesResult(
  call: Pick<ProviderCall, 'input' | 'dispatchKey'>,
  format: ResponseFormat,
  answer: Fields,
): ProviderResult {
  const { content, stop_reason: word, usage } = answer;
  if (!Array.isArray(content) && typeof content !== 'string' && typeof word !== 'string')
    return unusable('HTTP 200, without content');
  const blocks = Array.isArray(content) ? (content as unknown[]).filter(isObject) : [];
  const given = blocks.find(({ type, name }) => type === 'tool_use' && name === ANSWER_TOOL);
  const text = given ? jsonOf(given['input']) : textIn(content, blocks);
  const calls = blocks.filter(({ type, name }) => type === 'tool_use' && name !== ANSWER_TOOL);
  const failure = failureOf(word, answer['stop_details'], text === '' && calls.length === 0);
  if (failure) return failure;
  const reason = reasonBy(reasons, word);
  return textResult(call, format, {
    text,
    reason: given && reason === 'tool_calls' ? 'stop' : reason,
    calls: calls.map(({ name, input }) => ({ name, arguments: input })),
    tokens: tokensIn(usage),
  });
}

/** Of a stream its arguments come as text. */
const jsonOf = (input: unknown): string =>
  typeof input === 'string' ? input : JSON.stringify(input ?? null);

const reasons: Readonly<Record<string, FinishReason>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
};

/** A turn that paused has not ended: it would be sent back for the rest, which nobody asked for. */
function failureOf(word: unknown, details: unknown, isEmpty: boolean): Unread | undefined {
  if (word === 'pause_turn') return failedMidway('stop_reason pause_turn', meanings.unusable);
  const failed = failedWord(word);
  if (failed !== undefined) return failedMidway(`stop_reason ${failed}`);
  if (word !== 'refusal' || !isEmpty) return undefined;
  const category = isObject(details) ? details['category'] : undefined;
  return withheld('stop_reason refusal', typeof category === 'string' ? [category] : []);
}

/** Blocks of thinking, and of kinds that we do not know, add nothing. */
function textIn(content: unknown, blocks: readonly Fields[]): string {
  if (typeof content === 'string') return content;
  return blocks
    .filter(({ type, text }) => type === 'text' && typeof text === 'string')
    .map(({ text }) => text as string)
    .join('');
}

function tokensIn(usage: unknown): ToldTokens {
  if (!isObject(usage)) return {};
  const fresh = countOf(usage['input_tokens']);
  const cached = countOf(usage['cache_read_input_tokens']);
  const written = countOf(usage['cache_creation_input_tokens']) ?? 0;
  const details = usage['output_tokens_details'];
  return {
    input: fresh === undefined ? undefined : fresh + (cached ?? 0) + written,
    cached,
    output: usage['output_tokens'],
    reasoning: isObject(details) ? details['thinking_tokens'] : undefined,
  };
}
