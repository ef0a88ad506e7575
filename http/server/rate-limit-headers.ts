/**
 * How somebody stands with their limits, as headers: those in common use, of the tightest limit,
 * and those of draft-ietf-httpapi-ratelimit-headers-11, structured fields (RFC 9651) with every
 * limit. And the refusal where nothing is left.
 */
import type { ErrorDetail } from '../../contracts/error-codes.js';
import type { Standing } from './limit-meter.js';
import type { Admission } from './rate-limits.js';
import { Refusal } from './route.js';

/** Names and values in turn. */
export function rateLimitHeaders({ standings }: Admission): string[] {
  const [first, ...others] = standings;
  if (!first) return [];
  const tightest = others.reduce(tighter, first);
  return [
    'x-ratelimit-limit',
    String(tightest.limit.perMinute),
    'x-ratelimit-remaining',
    String(tightest.remaining),
    'x-ratelimit-reset',
    String(seconds(tightest.fullMs)),
    'ratelimit-policy',
    standings.map(policyOf).join(', '),
    'ratelimit',
    standings.map(stateOf).join(', '),
  ];
}

/** `Retry-After` is enough for all limits in which nothing is left. */
export function rateRefusal({ standings }: Admission): Refusal {
  const spent = standings.filter(({ remaining }) => remaining === 0);
  const waitMs = Math.max(0, ...spent.map((standing) => standing.waitMs));
  const details = spent.map(({ policy }): ErrorDetail => {
    const of = policy === 'key' ? 'the API key' : 'the organization';
    return { code: `${policy}_rate_limit`, message: `No request of ${of} is left for now.` };
  });
  const headers = { 'retry-after': String(Math.max(1, seconds(waitMs))) };
  return new Refusal('RATE_LIMITED', undefined, details, headers);
}

function tighter(a: Standing, b: Standing): Standing {
  if (a.remaining !== b.remaining) return a.remaining < b.remaining ? a : b;
  return a.limit.perMinute <= b.limit.perMinute ? a : b;
}

const seconds = (ms: number): number => Math.ceil(ms / 1000);

const policyOf = ({ policy, limit: { perMinute, burst } }: Standing): string =>
  `"${policy}";q=${perMinute};w=60;modelroute-burst=${Math.min(burst, perMinute)}`;

/** `t`: until there is more. */
const stateOf = ({ policy, remaining, waitMs, limit }: Standing): string => {
  const more = remaining > 0 ? Math.ceil(60 / limit.perMinute) : Math.max(1, seconds(waitMs));
  return `"${policy}";r=${remaining};t=${more}`;
};
