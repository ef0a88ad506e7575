/**
 * Who may ask how often: each organization has a limit, and a key may have one of its own beside
 * it. An answer costs no round trip. A process that is alone counts by itself; several claim from
 * what they share (infra/request-limits) what they are about to use:
 *
 *   unknown ──► claimed (requests wait, some milliseconds) ──► tokens ──► admitted at once
 *      ▲                                                        │  └─ the last one is taken while
 *      │                                                        │     it is busy: claimed ahead
 *      └── a second passed, or more may come ◄── nothing free ◄─┘     (refused at once till then)
 *
 * So N processes together admit at most limit × 1.08 + 1 in any minute. While what they share is
 * away, each lets through the limit by itself, and looks again after a second.
 */
import { LRUCache } from 'lru-cache';
import type { RequestRate } from '../../contracts/events/organization.js';
import type { OrganizationId } from '../../contracts/ids.js';
import type { RequestLimit } from '../../domain/rate-limit/request-limit.js';
import type { Log } from '../../infra/logger.js';
import type { RequestLimits } from '../../infra/request-limits/port.js';
import { openLimitClaims, type LimitClaims } from './limit-claims.js';
import {
  isFree,
  isUnknown,
  newMeter,
  setLimit,
  standingOf,
  take,
  type Meter,
  type Policy,
  type Standing,
} from './limit-meter.js';
import type { Caller } from './route.js';

export interface RateLimits {
  /**
   * Counts one request and says whether it may go on; undefined where nothing limits it. A promise
   * only where a claim has to be waited for.
   */
  admit(caller: Caller): Admission | undefined | Promise<Admission | undefined>;
}

export interface Admission {
  readonly isRefused: boolean;
  /** Of the key, where it has a limit, and of the organization, where it has one. */
  readonly standings: readonly Standing[];
}

interface RateLimitsOptions {
  /** What operators set for organizations, answered from memory. */
  readonly quotas: { requestRateOf(organizationId: OrganizationId): Partial<RequestRate> };
  /** What holds where nothing was set. */
  readonly usual: RequestRate;
  /** Undefined in the only process over its data. */
  readonly shared: RequestLimits | undefined;
  readonly log: Pick<Log, 'info' | 'warn'>;
  /** Milliseconds of a clock that only goes forward. */
  readonly clock?: () => number;
}

interface Opened {
  readonly options: RateLimitsOptions;
  readonly clock: () => number;
  readonly meters: LRUCache<string, Meter>;
  readonly claims: LimitClaims | undefined;
}

const METERS_MAX = 20_000;
/** Others may take what was claimed for somebody who waits; after so many times it is refused. */
const CLAIMS_MAX = 5;

export function openRateLimits(options: RateLimitsOptions): RateLimits {
  const { shared, log, clock = () => performance.now() } = options;
  const opened: Opened = {
    options,
    clock,
    meters: new LRUCache({ max: METERS_MAX }),
    claims: shared && openLimitClaims({ shared, log, clock }),
  };
  return {
    admit(caller) {
      const meters = metersOf(opened, caller);
      if (meters.length === 0) return undefined;
      return decided(opened, meters) ?? afterClaims(opened, meters);
    },
  };
}

/** The key's own first. */
function metersOf(opened: Opened, { organizationId, keyId, requestRate }: Caller): Meter[] {
  const { quotas, usual } = opened.options;
  const set = quotas.requestRateOf(organizationId);
  const perMinute = set.requestsPerMinute ?? usual.requestsPerMinute;
  const burst = set.requestBurst ?? usual.requestBurst;
  const meters: Meter[] = [];
  if (requestRate) {
    const own = requestRate.requestsPerMinute ?? perMinute;
    const limit = { perMinute: own, burst: requestRate.requestBurst ?? burst };
    if (own > 0) meters.push(meterOf(opened, keyId, 'key', limit));
  }
  const limit = { perMinute, burst };
  if (perMinute > 0) meters.push(meterOf(opened, organizationId, 'organization', limit));
  return meters;
}

function meterOf(
  { meters, clock }: Opened,
  name: string,
  policy: Policy,
  limit: RequestLimit,
): Meter {
  const known = meters.get(name);
  if (!known) {
    const meter = newMeter(name, policy, limit, clock());
    meters.set(name, meter);
    return meter;
  }
  const { perMinute, burst } = known.limit;
  if (perMinute !== limit.perMinute || burst !== limit.burst) setLimit(known, limit);
  return known;
}

/** Undefined where a claim has to be made first. */
function decided({ clock, claims }: Opened, meters: readonly Meter[]): Admission | undefined {
  const nowMs = clock();
  const isShared = claims !== undefined && !claims.isAway();
  let isRefused = false;
  let mustClaim = false;
  for (const meter of meters) {
    if (isFree(meter, isShared, nowMs)) continue;
    if (isShared && isUnknown(meter, nowMs)) mustClaim = true;
    else isRefused = true;
  }
  if (mustClaim && !isRefused) return undefined;
  if (!isRefused) {
    for (const meter of meters) take(meter, isShared, nowMs);
    if (isShared) for (const meter of meters) claims.claimAhead(meter);
  }
  return { isRefused, standings: meters.map((meter) => standingOf(meter, isShared, nowMs)) };
}

async function afterClaims(opened: Opened, meters: readonly Meter[]): Promise<Admission> {
  for (let claim = 1; claim <= CLAIMS_MAX; claim++) {
    const nowMs = opened.clock();
    await opened.claims?.claimFor(meters.filter((meter) => !isFree(meter, true, nowMs)));
    const admission = decided(opened, meters);
    if (admission) return admission;
  }
  const nowMs = opened.clock();
  return { isRefused: true, standings: meters.map((meter) => standingOf(meter, true, nowMs)) };
}
