/** What the store's answers mean. */
import { StoreUnavailable } from '../event-store/port.js';

/** There is no object of that name. Where the bucket or our keys are unknown, nothing is known. */
export const isAbsent = (error: unknown): boolean =>
  error instanceof Error &&
  ['NoSuchKey', 'NotFound'].includes(error.name) &&
  statusOf(error) === 404;

/** Undefined for an error of our own, and for a store that did not answer. */
export function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
}

/**
 * The outage that this error is, if it is one. Keys that are refused count as one too: they work
 * again once somebody has corrected them, and nothing may be given up for that.
 */
export function unavailable(error: unknown): StoreUnavailable | undefined {
  if (error instanceof StoreUnavailable) return error;
  if (!isAway(error)) return undefined;
  return new StoreUnavailable('the S3 store cannot be used now', error);
}

const AWAY = new Set([401, 403, 408, 429, 500, 502, 503, 504]);
/** Refused with 400, and right again by itself or by an operator. */
const PASSING = new Set(['ExpiredToken', 'RequestTimeout', 'BadDigest', 'IncompleteBody']);

function isAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const status = statusOf(error);
  if (status !== undefined)
    return AWAY.has(status) || PASSING.has(error.name) || (status === 404 && !isAbsent(error));
  // No answer came: the network, a deadline, credentials; unless it is a mistake in the program.
  return !DEFECTS.some((kind) => error instanceof kind);
}

const DEFECTS = [TypeError, RangeError, ReferenceError, SyntaxError];
