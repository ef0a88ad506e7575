/**
 * How long a provider asks us to wait: `Retry-After` (RFC 9110: seconds or a date), the finer
 * `retry-after-ms`, or what the body says. Of several the longest; what cannot be read is no
 * advice. Where nothing of it is there, a limit that is used up says when it begins anew
 * (rate-limit-reset.ts). A pause may be longer than any execution lives, which is for its reader to
 * see.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { headersInside, pausesInside } from './error-body.js';
import { durationMsOf, pauseUntil } from './pauses.js';
import { resetMsOf } from './rate-limit-reset.js';

/** The longest life of an execution; a longer pause changes nothing any more. */
const RETRY_AFTER_MAX_MS = 604_800_000;

interface Told {
  readonly headers: IncomingHttpHeaders;
  /** Parsed, or as text. */
  readonly body: unknown;
  /** Undefined for an error inside of a 2xx. */
  readonly status?: number;
}

export function retryAfterMsOf({ headers, body, status }: Told, nowMs: number): number | undefined {
  const fine = longest(listed(headers['retry-after-ms'] ?? headers['x-ms-retry-after-ms']), msOf);
  if (fine !== undefined) return fine;
  const behind = [headersBehind(headers), ...headersInside(body)];
  const named = [headers, ...behind].flatMap((one) => listed(one['retry-after']));
  const coarse = [...named, ...pausesInside(body)];
  const asked = longest(coarse, (text) => durationMsOf(text) ?? pauseUntil(text, nowMs));
  if (asked !== undefined || (status !== undefined && !LIMITED.has(status))) return asked;
  const resets = [headers, ...behind].map((one) => resetMsOf(one, nowMs));
  return within(resets.filter((ms) => ms !== undefined));
}

/** Answers to whoever asks too often; with any other the counters beside it say nothing. */
const LIMITED: ReadonlySet<number> = new Set([429, 498, 503, 529]);

/** LiteLLM passes on the headers of the server behind it under names of its own. */
const headersBehind = (headers: IncomingHttpHeaders): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => name.startsWith(BEHIND))
      .map(([name, value]) => [name.slice(BEHIND.length), value]),
  );

const BEHIND = 'llm_provider-';

/** A repeated header comes as a list, or joined by commas; a date has a comma of its own. */
function listed(value: unknown): string[] {
  if (value === undefined || value === null) return [];
  const values = [value].flat().map((one) => (typeof one === 'number' ? String(one) : one));
  return values
    .filter((one) => typeof one === 'string')
    .flatMap((one) => one.split(/,(?!\s*\d{1,2}[ -][A-Za-z]{3})/));
}

const longest = (
  texts: readonly string[],
  read: (text: string) => number | undefined,
): number | undefined =>
  within(texts.map((text) => read(text.trim())).filter((ms) => ms !== undefined));

const within = (known: readonly number[]): number | undefined =>
  known.length === 0
    ? undefined
    : Math.min(Math.max(...known.map((ms) => Math.ceil(ms)), 0), RETRY_AFTER_MAX_MS);

const msOf = (text: string): number | undefined =>
  /^\d{1,20}(\.\d{1,9})?$/.test(text) ? Number(text) : undefined;
