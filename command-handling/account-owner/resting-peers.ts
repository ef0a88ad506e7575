/** Processes to which nothing is forwarded for a while, because it failed. */
import type { Log } from '../../infra/logger.js';
import type { Forwarded } from './forwarder.js';

export interface RestingPeers {
  isResting(address: string): boolean;
  /** It has not answered yet. */
  rest(address: string): void;
  /** How a call of it ended. */
  note(address: string, forwarded: Forwarded): void;
}

interface Rest {
  until: number;
  nextMs: number;
}

/** Doubled with each failure in a row. */
const REST_MIN_MS = 1_000;
const REST_MAX_MS = 30_000;
/** Addresses of processes that are gone for ever are forgotten. */
const RESTS_MAX = 256;

export function openRestingPeers(log: Pick<Log, 'warn'>): RestingPeers {
  const rests = new Map<string, Rest>();

  function rest(address: string): void {
    const now = performance.now();
    const known = rests.get(address) ?? { until: -Infinity, nextMs: REST_MIN_MS };
    if (now < known.until) return;
    const until = now + known.nextMs;
    rests.set(address, { until, nextMs: Math.min(2 * known.nextMs, REST_MAX_MS) });
    const [oldest] = rests.keys();
    if (rests.size > RESTS_MAX && oldest !== undefined) rests.delete(oldest);
  }

  return {
    isResting: (address) => performance.now() < (rests.get(address)?.until ?? -Infinity),
    rest,
    note(address, forwarded) {
      const { outcome } = forwarded;
      if (outcome === 'answered') rests.delete(address);
      if (outcome !== 'unreachable' && outcome !== 'unknown' && outcome !== 'refused') return;
      rest(address);
      const err = 'error' in forwarded ? forwarded.error : undefined;
      log.warn({ err, address, outcome }, 'commands were not decided by the account owner');
    },
  };
}
