/**
 * How many tokens a text used, from what its provider says.
 *
 *   input       as told, those from a cache included; else what the total leaves
 *   output      as told, and the reasoning that stands outside of it: what the total shows beyond
 *               input and output, or more reasoning tokens than the output that they are part of
 *   a count     a number or a number as text, not negative; a fraction counts as the next whole;
 *               0 is none where there was something to count: gateways fill in what they lack
 *
 * What is told is believed up to what was asked: no more input than the input can be counted as, no
 * more output than `max_tokens`. So a charge is never more than was estimated and held.
 *
 * Where a count cannot be used and no other tells it, it is estimated: one token for each four
 * bytes of UTF-8 of the input (and 16 bytes for each message), or of the text and the arguments of
 * called tools.
 */
import type { Usage } from '../../contracts/events/execution.js';
import { inputTokensMax } from '../../domain/pricing/input-tokens.js';

/** As a provider sent them, whatever they are. */
export interface ToldTokens {
  readonly input?: unknown;
  readonly cached?: unknown;
  readonly output?: unknown;
  readonly reasoning?: unknown;
  readonly total?: unknown;
}

export function tokensUsed(
  told: ToldTokens,
  input: Readonly<Record<string, unknown>>,
  outputBytes: number,
): Usage {
  const inputMax = inputTokensMax(input);
  const asked = input['max_tokens'];
  const outputMax = typeof asked === 'number' && asked >= 0 ? asked : Number.MAX_SAFE_INTEGER;
  const inputTold = (countOf(told.input) ?? restOf(told.total, told.output)) || undefined;
  const inputTokens = Math.min(inputTold ?? estimated(inputMax), inputMax);
  const counted = outputIn(told, countOf(told.input));
  const outputTold = counted === 0 && outputBytes > 0 ? undefined : counted;
  const outputTokens = Math.min(outputTold ?? estimated(outputBytes), outputMax);
  const cached = countOf(told.cached);
  const reasoning = countOf(told.reasoning);
  return {
    inputTokens,
    ...(cached !== undefined && { cachedInputTokens: Math.min(cached, inputTokens) }),
    outputTokens,
    ...(reasoning !== undefined && { reasoningTokens: Math.min(reasoning, outputTokens) }),
  };
}

/** A whole number that is not negative; undefined for anything else. */
export function countOf(value: unknown): number | undefined {
  const isText = typeof value === 'string' && /^\s*\d{1,16}(\.\d{1,16})?\s*$/.test(value);
  const number = isText ? Number(value) : typeof value === 'number' ? value : -1;
  return number >= 0 && Number.isSafeInteger(Math.ceil(number)) ? Math.ceil(number) : undefined;
}

function outputIn(told: ToldTokens, input: number | undefined): number | undefined {
  const output = countOf(told.output);
  if (output === undefined) return restOf(told.total, told.input);
  const reasoning = countOf(told.reasoning) ?? 0;
  const total = countOf(told.total);
  const beyond = total === undefined || input === undefined ? 0 : total - input - output;
  if (beyond > 0) return output + beyond;
  return reasoning > output ? output + reasoning : output;
}

function restOf(total: unknown, part: unknown): number | undefined {
  const [all, known] = [countOf(total), countOf(part)];
  return all === undefined || known === undefined || known > all ? undefined : all - known;
}

const estimated = (bytes: number): number => Math.ceil(bytes / 4);
