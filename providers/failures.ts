/**
 * What a refusal of a provider means in canonical terms. ADR 32 says what a status proves.
 *
 * Read in this order, each step only where none before it decides:
 *   1. a word that blames the caller's input, under any status, and what a moderation found
 *   2. a request that is too large by itself, or an account without credit, though it is told like
 *      a limit on many
 *   3. any other word: the vendor's own, then those that all share
 *   4. a sentence that is known
 *   5. a field that the caller gave is named: the caller's; a parameter of ours: the route's
 *   6. the status
 *
 *   status                                  means (see meanings.ts)
 *   400 404 405 406 410 411 415 421 422 …   refused: it is not known to be the caller's fault
 *   401 402 403 407 451                     account
 *   409                                     inUse
 *   413                                     tooLong
 *   424                                     broken: what is behind the API
 *   425                                     unavailable
 *   429 498                                 throttled
 *   408 460 499 504 520 522 524 527 561     unknown: a gateway stopped waiting
 *     598 599
 *   500 502 503 that tell of such a one     unknown, too: by its status or its words
 *   500 and any other 5xx                   broken
 *   502 503 507 509 521 523 525 526 530     unavailable
 *   529                                     overloaded
 *   3xx                                     unavailable: not an API, or not there
 */
import type { ErrorDetail } from '../contracts/error-codes.js';
import type { FailureReason } from '../http/client/ended.js';
import { blamedField } from './blamed-field.js';
import { normalised, readErrorBody, type ErrorBody } from './error-body.js';
import {
  byStatus,
  commonWords,
  isOutOfCredit,
  isTooLargeByItself,
  phrases,
  shownWords,
  type Word,
} from './failure-words.js';
import { blamesCaller, meanings, type Known, type Meaning } from './meanings.js';
import { categoriesOf } from './moderation.js';
import type { ProviderResult } from './port.js';

type Failed = Extract<ProviderResult, { kind: 'failed' }>;

/** How a call ends without an answer that can be used. */
export type Unread = Exclude<ProviderResult, { kind: 'succeeded' }>;

/** An answer that is no success, or an error inside a 2xx. */
export interface Refusal {
  /** Undefined inside a 2xx that states none. */
  readonly status: number | undefined;
  /** Parsed, or as text where it is no JSON. */
  readonly body: unknown;
  readonly retryAfterMs: number | undefined;
  /** What the caller asked for; a field of it may be blamed. */
  readonly input?: Readonly<Record<string, unknown>>;
}

export type ReadFailure = (refusal: Refusal) => Unread;

/** A vendor's own words (an error's code, type, status or reason) and statuses. */
export interface FailureTable {
  readonly words?: Readonly<Record<string, Meaning>>;
  readonly statuses?: Readonly<Record<number, Meaning>>;
}

export function readFailureBy({ words = {}, statuses = {} }: FailureTable): ReadFailure {
  const own = new Map<string, Word>(
    Object.entries(words).map(([spelled, meaning]) => [normalised(spelled), { meaning, spelled }]),
  );
  return ({ status, body, retryAfterMs, input = {} }) => {
    const error = readErrorBody(body);
    const known = error.words.flatMap((word) => own.get(word) ?? commonWords.get(word) ?? []);
    const stated = status ?? error.status;
    const meaning =
      meaningOf(error, known, stated, input) ??
      (stoppedWaitingInside(error, status) ? 'unknown' : undefined) ??
      statuses[stated ?? 500] ??
      byStatus(stated ?? 500);
    const said = known[0]?.spelled ?? error.words.map((word) => shownWords.get(word)).find(Boolean);
    const where = status === undefined ? 'error inside a 2xx' : `HTTP ${status}`;
    const detail = said === undefined ? where : `${where} ${said}`;
    return outcomeOf(meaning, detail, retryAfterMs);
  };
}

/** A gateway passes on as its own failure that the one behind it stopped waiting. */
const stoppedWaitingInside = ({ status: inside }: ErrorBody, status = 0): boolean =>
  status >= 500 && inside !== undefined && byStatus(inside) === 'unknown';

function outcomeOf(meaning: Meaning, detail: string, retryAfterMs: number | undefined): Unread {
  if (meaning === 'unknown') return { kind: 'unknown', detail };
  const failed: Failed = { kind: 'failed', ...meaning, detail };
  return retryAfterMs === undefined || !meaning.retryable ? failed : { ...failed, retryAfterMs };
}

/** What the body says of itself, if it does. */
function meaningOf(
  error: ErrorBody,
  known: readonly Word[],
  status: number | undefined,
  input: Readonly<Record<string, unknown>>,
): Meaning | undefined {
  const found = known.map(({ meaning }) => meaning);
  const callers = found.find((meaning) => blamesCaller(meaning));
  const categories = categoriesOf(error.categories, error.text);
  if (callers === meanings.rejected || (categories.length > 0 && isModeration(error, status)))
    return rejectedFor(categories);
  if (callers) return withField(callers, error, input);
  if ((status === 413 || status === 429) && isTooLargeByItself(error.text)) return meanings.tooLong;
  if ((status === undefined || status < 500) && isOutOfCredit(error.text)) return meanings.account;
  const [word] = found;
  if (word === meanings.overloaded && status !== undefined && status < 500)
    return meanings.throttled;
  if (word !== undefined) return word;
  const phrase = phrases.find(
    ({ on, is }) => (status === undefined || on.includes(status)) && is.test(error.text),
  )?.means;
  if (phrase === meanings.rejected) return rejectedFor(categories);
  if (phrase) return phrase;
  return status === 400 || status === 422 ? fieldMeaning(error, input) : undefined;
}

/** Categories alone are no verdict where the status says that we are not let in. */
const isModeration = ({ categories }: ErrorBody, status: number | undefined): boolean =>
  categories.length > 0 && (status === undefined || status < 500);

function fieldMeaning(
  error: ErrorBody,
  input: Readonly<Record<string, unknown>>,
): Meaning | undefined {
  const blamed = blamedField(error, input);
  if (!blamed) return undefined;
  if (blamed.field === undefined) return meanings.refused;
  const details = [{ field: blamed.field, code: 'invalid', message: NOT_TAKEN }];
  return { ...meanings.invalid, details };
}

const NOT_TAKEN = 'The model does not take this value.';

function withField(
  meaning: Meaning,
  error: ErrorBody,
  input: Readonly<Record<string, unknown>>,
): Meaning {
  const field = blamedField(error, input)?.field;
  if (meaning === 'unknown' || field === undefined) return meaning;
  const [detail = { code: 'invalid', message: NOT_TAKEN }] = meaning.details ?? [];
  return { ...meaning, details: [{ ...detail, field }] };
}

function rejectedFor(categories: readonly string[]): Known {
  const named = categories.length > 0 ? categories : ['other'];
  const details = named.map((code): ErrorDetail => ({
    code,
    message: 'The content is not allowed by the model.',
  }));
  return { ...meanings.rejected, details };
}

/** The output was withheld; `found` is what the provider names, in its own words. */
export function withheld(detail: string, found: readonly string[] = []): Failed {
  return { kind: 'failed', ...rejectedFor(categoriesOf(found, '')), detail };
}

/** An answer that was read whole, and that nothing can be made of. */
export const unusable = (detail: string): Failed => ({
  kind: 'failed',
  ...meanings.unusable,
  detail,
});

/** Not one byte of the call left. */
export function unsentFailure(reason: FailureReason, why: string): Failed {
  const detail = `not sent: ${why}`;
  const { unavailable } = meanings;
  if (reason === 'aborted')
    return { kind: 'failed', ...unavailable, countsAsFailure: false, detail };
  return { kind: 'failed', ...(reason === 'timeout' ? meanings.timedOut : unavailable), detail };
}
