/**
 * What a failed call to an OpenAI-compatible provider means in canonical terms.
 *
 * A complete answer with a status outside 2xx is the provider's word that the call did not succeed:
 * it is `failed`, and nothing is owed. So is one whose body broke off, as its status was read, and
 * an error object inside a 2xx. What never left is `failed` too. Everything else (a reset or the
 * deadline after the request left, a 2xx that cannot be read) is `unknown`: the work may be done
 * and owed for.
 *
 *   status          code                                            retryable  counts as failure
 *   400 413 422 …   INPUT_VALIDATION_ERROR, or by the error's code  no         no
 *   401 402 403     MODEL_UNAVAILABLE (our account there)           yes        yes
 *   404 410         MODEL_UNAVAILABLE (that model there)            yes        no
 *   408 504 524     GENERATION_TIMEOUT                              yes        yes
 *   409             GENERATION_FAILED (the key is in use)           yes        no
 *   429             MODEL_OVERLOADED (a provider's limit on us is   yes        no
 *                   never the caller's own RATE_LIMITED)
 *   502 503         MODEL_UNAVAILABLE                               yes        yes
 *   529             MODEL_OVERLOADED                                yes        yes
 *   500, other 5xx  GENERATION_FAILED                               yes        yes
 *   3xx, 405, 407   MODEL_UNAVAILABLE (not an API, or not there)    yes        yes
 *
 * "Retryable" means by this execution, on this or another route.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { CanonicalCode } from '../../contracts/error-codes.js';
import type { FailureReason } from '../../http/client/ended.js';
import type { ProviderResult } from '../port.js';

type Failed = Extract<ProviderResult, { kind: 'failed' }>;

interface Meaning {
  readonly code: CanonicalCode;
  readonly retryable: boolean;
  readonly countsAsFailure: boolean;
}

/** `body` is the parsed answer, if it could be parsed. */
export function failureOf(status: number, body: unknown, retryAfterMs?: number): Failed {
  const word = errorWordOf(body);
  const meaning = word === undefined ? undefined : byWord(word, status);
  return {
    kind: 'failed',
    ...(meaning ?? byStatus(status)),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    detail: `HTTP ${status}${word ? ` ${word}` : ''}`,
  };
}

/** What a 2xx is that is an error all the same, as some gateways send; else `undefined`. */
export function failureInside(body: unknown, retryAfterMs?: number): Failed | undefined {
  const error = errorOf(body);
  if (!error) return undefined;
  const stated = Number(error['code'] ?? error['status']);
  const status = Number.isInteger(stated) && stated >= 400 && stated <= 599 ? stated : 500;
  const failed = failureOf(status, body, retryAfterMs);
  return { ...failed, detail: `error inside a 2xx: ${failed.detail}` };
}

/** Not one byte of the call left. */
export function unsentFailure(reason: FailureReason, why: string): Failed {
  const detail = `not sent: ${why}`;
  if (reason === 'aborted')
    return { kind: 'failed', ...unavailable, countsAsFailure: false, detail };
  return { kind: 'failed', ...(reason === 'timeout' ? timedOut : unavailable), detail };
}

const RETRY_AFTER_MAX_MS = 3_600_000;

/** RFC 9110 `Retry-After` (seconds or a date), or the finer `retry-after-ms`; at most an hour. */
export function retryAfterMsOf(headers: IncomingHttpHeaders, nowMs: number): number | undefined {
  const fine = first(headers['retry-after-ms']);
  const coarse = first(headers['retry-after']);
  const askedMs = /^\d{1,12}$/.test(fine)
    ? Number(fine)
    : /^\d{1,9}(\.\d{1,6})?$/.test(coarse)
      ? Number(coarse) * 1000
      : Date.parse(coarse) - nowMs;
  if (Number.isNaN(askedMs)) return undefined;
  return Math.min(Math.max(Math.ceil(askedMs), 0), RETRY_AFTER_MAX_MS);
}

const first = (value: string | string[] | undefined): string =>
  (Array.isArray(value) ? value[0] : value) ?? '';

const invalid: Meaning = {
  code: 'INPUT_VALIDATION_ERROR',
  retryable: false,
  countsAsFailure: false,
};
const rejected: Meaning = {
  code: 'CONTENT_MODERATION_REJECTED',
  retryable: false,
  countsAsFailure: false,
};
const wrongFormat: Meaning = {
  code: 'FILE_FORMAT_UNSUPPORTED',
  retryable: false,
  countsAsFailure: false,
};
const unavailable: Meaning = { code: 'MODEL_UNAVAILABLE', retryable: true, countsAsFailure: true };
const noSuchModel: Meaning = { code: 'MODEL_UNAVAILABLE', retryable: true, countsAsFailure: false };
const timedOut: Meaning = { code: 'GENERATION_TIMEOUT', retryable: true, countsAsFailure: true };
const inUse: Meaning = { code: 'GENERATION_FAILED', retryable: true, countsAsFailure: false };
const mismatched: Meaning = { code: 'GENERATION_FAILED', retryable: false, countsAsFailure: false };
const throttled: Meaning = { code: 'MODEL_OVERLOADED', retryable: true, countsAsFailure: false };
const overloaded: Meaning = { code: 'MODEL_OVERLOADED', retryable: true, countsAsFailure: true };
const broken: Meaning = { code: 'GENERATION_FAILED', retryable: true, countsAsFailure: true };

/** The output was withheld by the provider's safety system after it had been asked for. */
export const moderated: Failed = {
  kind: 'failed',
  ...rejected,
  detail: 'finish_reason content_filter without content',
};

const statuses: ReadonlyMap<number, Meaning> = new Map([
  ...[401, 402, 403, 405, 407].map((status) => [status, unavailable] as const),
  ...[404, 410].map((status) => [status, noSuchModel] as const),
  ...[408, 504, 524].map((status) => [status, timedOut] as const),
  [409, inUse],
  [429, throttled],
  [502, unavailable],
  [503, unavailable],
  [529, overloaded],
]);

function byStatus(status: number): Meaning {
  const known = statuses.get(status);
  if (known) return known;
  if (status >= 500) return broken;
  return status >= 400 ? invalid : unavailable;
}

/** Codes that say more than their status. */
const words: ReadonlyMap<string, Meaning> = new Map([
  ...['content_policy_violation', 'content_filter', 'moderation_blocked'].map(
    (word) => [word, rejected] as const,
  ),
  ...['invalid_image', 'invalid_image_format', 'image_parse_error'].map(
    (word) => [word, wrongFormat] as const,
  ),
  ...['insufficient_quota', 'billing_hard_limit_reached', 'invalid_api_key'].map(
    (word) => [word, unavailable] as const,
  ),
  ['model_not_found', noSuchModel],
  ['idempotency_key_reused', mismatched],
  ['engine_overloaded', overloaded],
]);

/** A word that blames the request counts only with a status that does, and the other way round. */
function byWord(word: string, status: number): Meaning | undefined {
  const meaning = words.get(word);
  if (!meaning || (status >= 500 && !meaning.countsAsFailure)) return undefined;
  return meaning === overloaded && status < 500 ? undefined : meaning;
}

/** Words that are shown to operators though they change nothing. */
const shownWords = new Set([
  ...words.keys(),
  'invalid_request_error',
  'authentication_error',
  'permission_error',
  'permission_denied',
  'rate_limit_exceeded',
  'rate_limit_error',
  'requests',
  'tokens',
  'server_error',
  'context_length_exceeded',
  'unsupported_parameter',
  'unknown_url',
  'request_too_large',
  'idempotency_error',
  'invalid_size',
  'overloaded_error',
  'api_error',
]);

/** The error's code or type, if it is one we know: an unknown word might quote the request. */
function errorWordOf(body: unknown): string | undefined {
  const error = errorOf(body);
  return [error?.['code'], error?.['type']].find(
    (word): word is string => typeof word === 'string' && shownWords.has(word),
  );
}

function errorOf(body: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof body !== 'object' || body === null || !Object.hasOwn(body, 'error')) return undefined;
  const { error } = body as { error: unknown };
  return typeof error === 'object' && error !== null
    ? (error as Readonly<Record<string, unknown>>)
    : undefined;
}
