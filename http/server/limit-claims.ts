/** Claims of limits, gathered: one is under way at a time, and takes along all that waits. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { within } from '../../infra/concurrency/pause.js';
import type { Log } from '../../infra/logger.js';
import type { RequestLimits } from '../../infra/request-limits/port.js';
import { adopt, aheadOf, claimOf, type Meter } from './limit-meter.js';

export interface LimitClaims {
  /** What is shared does not answer: this process counts by itself for a moment. */
  isAway(): boolean;
  /** One request waits for some of each. Never rejects. */
  claimFor(meters: readonly Meter[]): Promise<void>;
  /** Claims in the background, when the last token is taken and more are likely to be needed. */
  claimAhead(meter: Meter): void;
}

interface Options {
  readonly shared: RequestLimits;
  readonly log: Pick<Log, 'info' | 'warn'>;
  readonly clock: () => number;
}

/** A caller waits so long at most before this process decides by itself. */
const ANSWER_MS = 250;
/** After that it is asked again. */
const AWAY_MS = 1_000;

export function openLimitClaims({ shared, log, clock }: Options): LimitClaims {
  let due = new Set<Meter>();
  let next: Promise<void> | undefined;
  let underWay: Promise<void> = Promise.resolve();
  let awayUntilMs = -Infinity;
  let isLost = false;

  const claimAll = async (meters: readonly Meter[]): Promise<void> => {
    const claims = meters.map((meter) => claimOf(meter, clock()));
    const grants = await shared.claim(claims);
    for (const meter of meters) {
      const grant = grants.get(meter.name);
      if (grant) adopt(meter, grant, clock());
    }
    if (isLost) log.info({}, 'rate limits are shared again');
    isLost = false;
  };

  const lost = (err: unknown) => {
    awayUntilMs = clock() + AWAY_MS;
    if (!isLost) log.warn({ err }, 'rate limits are not shared now: each process counts by itself');
    isLost = true;
  };

  const claimNext = async (): Promise<void> => {
    await Promise.all([underWay, nextTurn()]);
    const meters = [...due];
    due = new Set();
    next = undefined;
    const claiming = claimAll(meters).catch(lost);
    underWay = within(ANSWER_MS, claiming).then((isDone) => {
      if (!isDone) lost(new Error('no answer in time'));
      for (const meter of meters) meter.isClaimed = false;
    });
    await underWay;
  };

  const claim = (meter: Meter): Promise<void> => {
    due.add(meter);
    meter.isClaimed = true;
    return (next ??= claimNext());
  };

  return {
    isAway: () => clock() < awayUntilMs,
    async claimFor(meters) {
      for (const meter of meters) meter.waiting += 1;
      await Promise.all(meters.map(claim));
    },
    claimAhead(meter) {
      const nowMs = clock();
      if (meter.tokens > 0 || meter.isClaimed || nowMs < awayUntilMs) return;
      if (meter.known.free > 0 && aheadOf(meter, nowMs) > 0) void claim(meter);
    },
  };
}
