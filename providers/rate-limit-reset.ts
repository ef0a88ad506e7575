/**
 * When a limit that is used up begins anew, by the headers in which providers count it:
 *
 *   x-ratelimit-{remaining,reset}-{requests,tokens,…}          `1s`, `6m0s`, `120ms`
 *   anthropic-ratelimit-{requests,tokens,…}-{remaining,reset}  a moment as RFC 3339 has it
 *   x-ratelimit-reset, ratelimit-reset   seconds, or a moment in seconds or ms since 1970
 *
 * A limit of which something remains is not the one that refused us. Of several the longest, which
 * is less than nothing once its moment has passed.
 */
import { durationMsOf, pauseUntil } from './pauses.js';

type Headers = Readonly<Record<string, unknown>>;

const RESET = /^(?:x-|anthropic-)?ratelimit-(?:[a-z-]{1,40}-)?reset(?:-[a-z-]{1,40})?$/;

export function resetMsOf(headers: Headers, nowMs: number): number | undefined {
  const pauses = Object.entries(headers)
    .filter(([name]) => RESET.test(name))
    .filter(([name]) => isUsedUp(headers[name.replace('reset', 'remaining')]))
    .map(([, value]) => pauseOf(String(value).trim(), nowMs))
    .filter((ms) => ms !== undefined);
  return pauses.length === 0 ? undefined : Math.max(...pauses);
}

const isUsedUp = (remaining: unknown): boolean => remaining === undefined || Number(remaining) <= 0;

const YEAR_S = 31_536_000;

function pauseOf(text: string, nowMs: number): number | undefined {
  const number = /^\d{1,16}(\.\d{1,9})?$/.test(text) ? Number(text) : undefined;
  if (number === undefined) return pauseUntil(text, nowMs) ?? durationMsOf(text);
  if (number < YEAR_S) return number * 1_000;
  return (number < YEAR_S * 1_000 ? number * 1_000 : number) - nowMs;
}
