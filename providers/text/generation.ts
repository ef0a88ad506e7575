/**
 * What a provider generated, made canonical. Whatever is cut, withheld or empty says so in its
 * `finish_reason`; what failed midway, or is not the JSON that was asked for, is a failed attempt.
 */
import { hash } from 'node:crypto';
import { unusable, withheld, type Unread } from '../failures.js';
import { isObject } from '../json-object.js';
import { meanings, type Known } from '../meanings.js';
import type { FinishReason, ProviderCall, ProviderResult, TextOutput, ToolCall } from '../port.js';
import type { ResponseFormat } from './request.js';
import { storable, storableText } from './storable.js';
import { structuredAnswer } from './structured-answer.js';
import { tokensUsed, type ToldTokens } from './tokens.js';

export interface Generation {
  readonly text: string;
  readonly reason: FinishReason;
  readonly calls: readonly GeneratedCall[];
  readonly tokens: ToldTokens;
  /** Why it was withheld, as the provider spells it. */
  readonly found?: readonly string[];
}

export interface GeneratedCall {
  readonly name: unknown;
  /** An object, or the text of one. */
  readonly arguments: unknown;
}

export function textResult(
  call: Pick<ProviderCall, 'input' | 'dispatchKey'>,
  format: ResponseFormat,
  { text: generated, reason, calls, tokens, found = [] }: Generation,
): ProviderResult {
  const text = storableText(generated);
  const toolCalls = calls.map((one, index) => toolCallOf(one, call.dispatchKey, index));
  const finishReason = reasonOf(reason, text, toolCalls);
  if (finishReason === 'content_filter' && text === '' && toolCalls.length === 0)
    return withheld(WITHHELD, found);
  const isWhole = finishReason === 'stop' || finishReason === 'other';
  const structured =
    format.type === 'text' || !isWhole ? undefined : structuredAnswer(text, format);
  if (structured && 'problem' in structured)
    // The schema is a caller's: it says nothing of the provider.
    return { ...unusable(structured.problem), countsAsFailure: false };
  const outputBytes = Buffer.byteLength(text) + Buffer.byteLength(JSON.stringify(toolCalls));
  const output: TextOutput = {
    modality: 'text',
    text,
    finishReason,
    ...(toolCalls.length > 0 && { toolCalls }),
    ...(structured && { json: structured.json }),
  };
  const usage = tokensUsed(
    tokens,
    call.input,
    toolCalls.length > 0 ? outputBytes : Buffer.byteLength(text),
  );
  return { kind: 'succeeded', output, usage };
}

const WITHHELD = 'withheld by the provider, without a word of it';

/** It is not known to be owed for: a generation that its provider calls failed. */
export const failedMidway = (detail: string, meaning: Known = meanings.broken): Unread => ({
  kind: 'failed',
  ...meaning,
  detail,
});

/** The word of a vendor, however it is spelled; what the table does not know is `other`. */
export const reasonBy = (
  table: Readonly<Record<string, FinishReason>>,
  word: unknown,
): FinishReason => {
  const known = spelled(word);
  return (Object.hasOwn(table, known) && table[known]) || 'other';
};

/** `maxTokens`, `MAX-TOKENS` and `FinishReason.MAX_TOKENS` are `max_tokens`. */
export const spelled = (word: unknown): string =>
  String(word)
    .replace(/^.*\./s, '')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .replace(/[ -]+/g, '_')
    .toLowerCase();

/** The word where it says that the generation failed, whoever says it; for operators, too. */
export function failedWord(word: unknown): string | undefined {
  const known = typeof word === 'string' ? spelled(word) : '';
  return /^\w{1,64}$/.test(known) && FAILED.test(known) ? known : undefined;
}

const FAILED = new RegExp(
  'error|fail|abort|cancell?ed|exception|interrupted|crash|unavailable|overload|disconnect' +
    '|timed?_?out|rate_limit',
);

/** Servers differ in whether a call of a tool is a stop; nothing at all is none. */
function reasonOf(
  reason: FinishReason,
  text: string,
  toolCalls: readonly ToolCall[],
): FinishReason {
  if (toolCalls.length > 0) return reason === 'stop' || reason === 'other' ? 'tool_calls' : reason;
  return text === '' && (reason === 'stop' || reason === 'tool_calls') ? 'other' : reason;
}

const ID_LENGTH = 9;

/**
 * The id is ours: a provider's own would tell which one it is. Nine letters and digits are what
 * every provider takes back, and no other call of any execution has them.
 */
function toolCallOf(
  { name, arguments: given }: GeneratedCall,
  dispatchKey: string,
  index: number,
): ToolCall {
  const digest = BigInt(`0x${hash('sha256', `${dispatchKey} ${index}`, 'hex').slice(0, 16)}`);
  const id = digest.toString(36).padStart(ID_LENGTH, '0').slice(-ID_LENGTH);
  return { id, name: storableText(String(name)), arguments: argumentsOf(given) };
}

function argumentsOf(given: unknown): ToolCall['arguments'] {
  const parsed = typeof given === 'string' ? parsedOrNot(given) : given;
  const kept = isObject(parsed) ? storable(parsed) : undefined;
  if (kept) return kept.value as Readonly<Record<string, unknown>>;
  if (given === undefined || given === null || given === '') return {};
  return storableText(typeof given === 'string' ? given : JSON.stringify(given));
}

function parsedOrNot(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
