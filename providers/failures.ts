/**
 * What a refusal of a provider means in canonical terms, as far as providers agree on it. A vendor
 * adds a table of its own words; what it says goes before what its status says.
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
import type { CanonicalCode, ErrorDetail } from '../contracts/error-codes.js';
import type { FailureReason } from '../http/client/ended.js';
import type { ProviderResult } from './port.js';

type Failed = Extract<ProviderResult, { kind: 'failed' }>;

/** How a call ends without an answer that can be used. */
export type Unread = Exclude<ProviderResult, { kind: 'succeeded' }>;

/** What a status or a word of an error means. */
export interface Meaning {
  readonly code: CanonicalCode;
  readonly retryable: boolean;
  readonly countsAsFailure: boolean;
  readonly details?: readonly ErrorDetail[];
}

/** An answer that is no success, or an error inside a 2xx. */
export interface Refusal {
  /** Of the answer, or the one that an error inside a 2xx states. */
  readonly status: number;
  /** Parsed; undefined where it is no JSON. */
  readonly body: unknown;
  readonly retryAfterMs: number | undefined;
}

export type ReadFailure = (refusal: Refusal) => Unread;

/** A vendor's words (an error's code, type, status or reason, in lower case) and its statuses. */
export interface FailureTable {
  readonly words?: Readonly<Record<string, Meaning>>;
  readonly statuses?: Readonly<Record<number, Meaning>>;
  /** Words that are shown to operators though they change nothing. */
  readonly shown?: readonly string[];
}

export function readFailureBy(table: FailureTable): ReadFailure {
  const words = new Map(Object.entries(table.words ?? {}));
  const shown = new Set([...words.keys(), ...(table.shown ?? [])]);
  return ({ status, body, retryAfterMs }) => {
    const word = errorWordOf(body, shown);
    const known = word === undefined ? undefined : byWord(words.get(word), status);
    const meaning = known ?? table.statuses?.[status] ?? byStatus(status);
    const detail = `HTTP ${status}${word ? ` ${word}` : ''}`;
    if (retryAfterMs === undefined) return { kind: 'failed', ...meaning, detail };
    return { kind: 'failed', ...meaning, retryAfterMs, detail };
  };
}

/** What a 2xx is that is an error all the same, as some gateways send; else `undefined`. */
export function failureInside(
  body: unknown,
  retryAfterMs: number | undefined,
  readFailure: ReadFailure,
): Unread | undefined {
  const error = errorOf(body);
  if (!error) return undefined;
  const stated = Number(error['code'] ?? error['status']);
  const status = Number.isInteger(stated) && stated >= 400 && stated <= 599 ? stated : 500;
  const outcome = readFailure({ status, body, retryAfterMs });
  return { ...outcome, detail: `error inside a 2xx: ${outcome.detail}` };
}

/** Not one byte of the call left. */
export function unsentFailure(reason: FailureReason, why: string): Failed {
  const detail = `not sent: ${why}`;
  const { unavailable } = meanings;
  if (reason === 'aborted')
    return { kind: 'failed', ...unavailable, countsAsFailure: false, detail };
  return { kind: 'failed', ...(reason === 'timeout' ? meanings.timedOut : unavailable), detail };
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

const meaning = (code: CanonicalCode, retryable: boolean, countsAsFailure: boolean): Meaning => ({
  code,
  retryable,
  countsAsFailure,
});

/** The words in which the tables of vendors are written. */
export const meanings = {
  /** The caller's input, as the provider says. */
  invalid: meaning('INPUT_VALIDATION_ERROR', false, false),
  rejected: meaning('CONTENT_MODERATION_REJECTED', false, false),
  wrongFormat: meaning('FILE_FORMAT_UNSUPPORTED', false, false),
  /** Away, or our account there is not in order. */
  unavailable: meaning('MODEL_UNAVAILABLE', true, true),
  noSuchModel: meaning('MODEL_UNAVAILABLE', true, false),
  timedOut: meaning('GENERATION_TIMEOUT', true, true),
  /** The call under our key is still going on. */
  inUse: meaning('GENERATION_FAILED', true, false),
  /** Our key was used for another request. */
  mismatched: meaning('GENERATION_FAILED', false, false),
  /** Its limit on us. */
  throttled: meaning('MODEL_OVERLOADED', true, false),
  /** Its own load. */
  overloaded: meaning('MODEL_OVERLOADED', true, true),
  broken: meaning('GENERATION_FAILED', true, true),
} as const;

const statuses: ReadonlyMap<number, Meaning> = new Map([
  ...[401, 402, 403, 405, 407].map((status) => [status, meanings.unavailable] as const),
  ...[404, 410].map((status) => [status, meanings.noSuchModel] as const),
  ...[408, 504, 524].map((status) => [status, meanings.timedOut] as const),
  [409, meanings.inUse],
  [429, meanings.throttled],
  [502, meanings.unavailable],
  [503, meanings.unavailable],
  [529, meanings.overloaded],
]);

function byStatus(status: number): Meaning {
  const known = statuses.get(status);
  if (known) return known;
  if (status >= 500) return meanings.broken;
  return status >= 400 ? meanings.invalid : meanings.unavailable;
}

/** A word that blames the request counts only with a status that does, and the other way round. */
function byWord(known: Meaning | undefined, status: number): Meaning | undefined {
  if (!known || (status >= 500 && !known.countsAsFailure)) return undefined;
  return known === meanings.overloaded && status < 500 ? undefined : known;
}

/** The error's code or type, if it is one we know: an unknown word might quote the request. */
function errorWordOf(body: unknown, shown: ReadonlySet<string>): string | undefined {
  const error = errorOf(body);
  return [error?.['code'], error?.['type']].find(
    (word): word is string => typeof word === 'string' && shown.has(word),
  );
}

function errorOf(body: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof body !== 'object' || body === null || !Object.hasOwn(body, 'error')) return undefined;
  const { error } = body as { error: unknown };
  return typeof error === 'object' && error !== null
    ? (error as Readonly<Record<string, unknown>>)
    : undefined;
}
