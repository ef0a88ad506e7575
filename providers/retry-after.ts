/**
 * How long a provider asks us to wait: `Retry-After` (RFC 9110: seconds or a date), the finer
 * `retry-after-ms`, or what stands in the body. Of several the longest; what cannot be read is no
 * advice. A pause may be longer than any execution lives, which is for its reader to see.
 */
import type { IncomingHttpHeaders } from 'node:http';

/** The longest life of an execution; a longer pause changes nothing any more. */
const RETRY_AFTER_MAX_MS = 604_800_000;

export function retryAfterMsOf(
  headers: IncomingHttpHeaders,
  nowMs: number,
  inBody: readonly string[] = [],
): number | undefined {
  const fine = longest(listed(headers['retry-after-ms'] ?? headers['x-ms-retry-after-ms']), msOf);
  if (fine !== undefined) return fine;
  const coarse = [...listed(headers['retry-after']), ...inBody];
  return longest(coarse, (text) => secondsMsOf(text) ?? dateMsOf(text, nowMs));
}

/** A repeated header comes as a list, or joined by commas; a date has a comma of its own. */
function listed(value: string | string[] | undefined): string[] {
  if (value === undefined) return [];
  const values = Array.isArray(value) ? value : [value];
  return values.flatMap((one) => one.split(/,(?!\s*\d{1,2}[ -][A-Za-z]{3})/));
}

function longest(
  texts: readonly string[],
  read: (text: string) => number | undefined,
): number | undefined {
  const known = texts.map((text) => read(text.trim())).filter((ms) => ms !== undefined);
  if (known.length === 0) return undefined;
  return Math.min(Math.max(...known.map((ms) => Math.ceil(ms)), 0), RETRY_AFTER_MAX_MS);
}

const msOf = (text: string): number | undefined =>
  /^\d{1,20}(\.\d{1,9})?$/.test(text) ? Number(text) : undefined;

const secondsMsOf = (text: string): number | undefined =>
  /^\d{1,20}(\.\d{1,9})?s?$/.test(text) ? Number(text.replace('s', '')) * 1000 : undefined;

/** Only what begins like a date: `Date.parse` finds one in many a word. */
function dateMsOf(text: string, nowMs: number): number | undefined {
  if (!/^((Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? |\d{4}-\d\d-\d\d)/.test(text)) return undefined;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? undefined : atMs - nowMs;
}
