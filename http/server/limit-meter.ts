/** One limit of requests as this process knows it. */
import {
  claimed,
  type Grant,
  type RequestLimit,
  type Spending,
} from '../../domain/rate-limit/request-limit.js';

/** Whose limit it is. */
export type Policy = 'key' | 'organization';

export interface Meter {
  readonly name: string;
  readonly policy: Policy;
  limit: RequestLimit;
  /** What was counted here while this process decided alone. */
  spending: Spending | undefined;
  /** Claimed and not used yet, until a moment. */
  tokens: number;
  tokensUntilMs: number;
  /** After the last claim, or request. */
  known: Grant;
  knownMs: number;
  /** Requests that wait for a claim. */
  waiting: number;
  isClaimed: boolean;
  /** Since the last claim. */
  used: number;
  claimedMs: number;
}

/** How somebody stands with one limit. */
export interface Standing {
  readonly policy: Policy;
  readonly limit: RequestLimit;
  /** How many more may come at once. */
  readonly remaining: number;
  /** Until as many as ever may come at once. */
  readonly fullMs: number;
  /** Until one more may come; 0 where it may now. */
  readonly waitMs: number;
}

/** What was claimed is used within this time, or given back. */
const TOKENS_MS = 1_000;
/** So long ahead is claimed what is used of a limit. */
const AHEAD_MS = 250;
const NOTHING: Grant = { granted: 0, free: 0, waitMs: 0, fullMs: 0 };

export const newMeter = (
  name: string,
  policy: Policy,
  limit: RequestLimit,
  nowMs: number,
): Meter => ({
  name,
  policy,
  limit,
  spending: undefined,
  tokens: 0,
  tokensUntilMs: 0,
  known: NOTHING,
  knownMs: -Infinity,
  waiting: 0,
  isClaimed: false,
  used: 0,
  claimedMs: nowMs,
});

/** What was known of another limit says nothing of this one. */
export function setLimit(meter: Meter, limit: RequestLimit): void {
  meter.limit = limit;
  meter.knownMs = -Infinity;
}

/** Whether one request may go on now. */
export function isFree(meter: Meter, isShared: boolean, nowMs: number): boolean {
  if (isShared) return meter.tokens > 0 && nowMs < meter.tokensUntilMs;
  learn(meter, nowMs, { wanted: 0, unused: 0 });
  return meter.known.free > 0;
}

/** Whether a claim could get some. */
export const isUnknown = ({ known, knownMs, tokens }: Meter, nowMs: number): boolean =>
  tokens > 0 || known.waitMs === 0 || nowMs >= knownMs + known.waitMs;

export function take(meter: Meter, isShared: boolean, nowMs: number): void {
  meter.used += 1;
  if (isShared) meter.tokens -= 1;
  else learn(meter, nowMs, { wanted: 1, unused: 0 });
}

function learn(
  meter: Meter,
  nowMs: number,
  { wanted, unused }: { readonly wanted: number; readonly unused: number },
): void {
  const { limit } = meter;
  const [spending, grant] = claimed(meter.spending, { limit, wanted, unused }, nowMs);
  meter.spending = spending;
  meter.known = grant;
  meter.knownMs = nowMs;
}

/** What is to be claimed for those that wait, and for those that come next. */
export function claimOf(meter: Meter, nowMs: number) {
  const unused = nowMs < meter.tokensUntilMs ? 0 : meter.tokens;
  meter.tokens -= unused;
  const { name, limit } = meter;
  const wanted = meter.waiting + aheadOf(meter, nowMs);
  meter.waiting = 0;
  meter.used = 0;
  meter.claimedMs = nowMs;
  return { name, limit, wanted, unused };
}

/** What is claimed beside what is needed now, by what was used lately; nothing for a single one. */
export function aheadOf({ limit, used, claimedMs }: Meter, nowMs: number): number {
  const { perMinute, burst } = limit;
  const most = Math.max((perMinute * AHEAD_MS) / 60_000, Math.min(burst, perMinute) / 10);
  const likely = (Math.max(0, used - 1) * AHEAD_MS) / Math.max(1, nowMs - claimedMs);
  return Math.floor(Math.min(most, likely));
}

/** Those that are left of earlier claims end when they would have. */
export function adopt(meter: Meter, grant: Grant, nowMs: number): void {
  if (meter.tokens === 0) meter.tokensUntilMs = nowMs + TOKENS_MS;
  meter.tokens += grant.granted;
  meter.known = grant;
  meter.knownMs = nowMs;
}

export function standingOf(meter: Meter, isShared: boolean, nowMs: number): Standing {
  const { policy, limit, known, knownMs, tokens } = meter;
  const agoMs = nowMs - knownMs;
  return {
    policy,
    limit,
    remaining: known.free + (isShared ? tokens : 0),
    fullMs: Math.max(0, known.fullMs - agoMs),
    waitMs: Math.max(0, known.waitMs - agoMs),
  };
}
