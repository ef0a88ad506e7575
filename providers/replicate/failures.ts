/**
 * How Replicate says what went wrong: a refused call is {title, detail, status, invalid_fields?},
 * and a failed job has a text, `error`, in which known words are looked for. It is never shown.
 */
import { readFailureBy } from '../failures.js';
import { jobFailed } from '../job-answers.js';
import { meanings, type Known } from '../meanings.js';
import type { ProviderResult } from '../port.js';

export const readFailure = readFailureBy({});

const ERROR_CHARS_MAX = 4_096;

const known: readonly (readonly [RegExp, Known, string])[] = [
  [
    /\bE005\b|nsfw|flagged|moderat|content polic|safety (filter|check|system)/i,
    meanings.rejected,
    'moderation',
  ],
  [/\bE006\b|invalid input|input validation/i, meanings.invalid, 'invalid input'],
  [/\bE004\b|temporarily unavailable|\binterrupted\b/i, meanings.unavailable, 'unavailable'],
  [/\bE003\b|high demand|queue is full|at capacity|rate limit/i, meanings.overloaded, 'overloaded'],
  [/\bE6716\b|timed? ?out|deadline/i, meanings.timedOut, 'timeout'],
  [/\bE1001\b|out of memory|\bOOM\b/i, meanings.broken, 'out of memory'],
];

export function failureOfJob(error: unknown): ProviderResult {
  const text = typeof error === 'string' ? error.slice(0, ERROR_CHARS_MAX) : '';
  const code = /\bE\d{3,4}\b/.exec(text)?.[0];
  const found = known.find(([words]) => words.test(text));
  const words = [code, found?.[2]].filter((word) => word !== undefined);
  const detail = words.length > 0 ? `the job failed (${words.join(', ')})` : 'the job failed';
  return jobFailed(found?.[1] ?? meanings.broken, detail);
}
