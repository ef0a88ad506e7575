/** The limits of accounts that this process uses: its share of each, and what it has left of it. */
import type { Account } from '../../contracts/catalogue/catalogue.js';
import {
  freeShare,
  fullBucket,
  hasRoom,
  refilled,
  taken,
  type Bucket,
} from '../../domain/rate-limit/bucket.js';
import type { LimitWish } from '../../infra/limit-shares/port.js';

/** Of one limit of one account. */
interface Meter {
  readonly name: string;
  readonly provider: string;
  perMinute: number;
  /** Undefined before the first renewal. */
  share: number | undefined;
  bucket: Bucket | undefined;
  neededMs: number;
  used: number;
  /** What was asked for last. */
  demand: number;
  /** Something had to wait for it since the last renewal. */
  wasShort: boolean;
}

export type Meters = Map<string, Meter>;

/** What a call takes of an account's limits. */
export interface Amounts {
  readonly requests: number;
  readonly tokens: number;
}

/** A limit that was not needed for so long is given up. */
const IDLE_MS = 10_000;
/** So much more than it used last is asked for, so that a load can grow. */
const HEADROOM = 1.5;
/** Of what was used last, beside what was used before. */
const NEWEST_WEIGHT = 0.2;

/** `isKnown` is false where a share has to be asked for first. */
export function roomIn(
  meters: Meters,
  slug: string,
  account: Account,
  amounts: Amounts,
  nowMs: number,
): { readonly hasRoom: boolean; readonly isKnown: boolean } {
  let room = { hasRoom: true, isKnown: true };
  for (const [unit, meter] of metersOf(meters, slug, account, nowMs)) {
    meter.neededMs = nowMs;
    const { bucket, share } = meter;
    if (!bucket || share === undefined) room = { hasRoom: false, isKnown: false };
    else {
      meter.bucket = refilled(bucket, share, nowMs);
      if (hasRoom(meter.bucket, share, amounts[unit])) continue;
      room = { ...room, hasRoom: false };
    }
    meter.wasShort = true;
  }
  return room;
}

export function spend(
  meters: Meters,
  slug: string,
  account: Account,
  amounts: Amounts,
  nowMs: number,
): void {
  for (const [unit, meter] of metersOf(meters, slug, account, nowMs)) {
    if (meter.bucket) meter.bucket = taken(meter.bucket, amounts[unit]);
    meter.used += amounts[unit];
  }
}

/** Of the limit that is nearest; 1 where there is none. */
export function freeIn(meters: Meters, slug: string, account: Account, nowMs: number): number {
  const free = metersOf(meters, slug, account, nowMs).map(([, { bucket, share = 0 }]) =>
    bucket ? freeShare(bucket, share) : 0,
  );
  return Math.min(1, ...free);
}

/** What is to be asked for, after so long; what is not needed any more is forgotten. */
export function wishesOf(meters: Meters, elapsedMs: number, nowMs: number): readonly LimitWish[] {
  const wishes: LimitWish[] = [];
  for (const [key, meter] of meters) {
    if (nowMs - meter.neededMs > IDLE_MS) meters.delete(key);
    else wishes.push(wishOf(meter, elapsedMs));
    meter.used = 0;
    meter.wasShort = false;
  }
  return wishes;
}

function wishOf(meter: Meter, elapsedMs: number): LimitWish {
  const { name, perMinute, share, used, wasShort } = meter;
  const wanted = (used * 60_000 * HEADROOM) / Math.max(elapsedMs, 1);
  const isAll = wasShort || share === undefined;
  const smoothed = meter.demand + NEWEST_WEIGHT * (wanted - meter.demand);
  meter.demand = isAll ? perMinute : Math.min(smoothed, perMinute);
  return { limit: name, perMinute, demand: meter.demand };
}

/** The providers that may be asked for more now. */
export function adopt(
  meters: Meters,
  granted: ReadonlyMap<string, number>,
  nowMs: number,
): ReadonlySet<string> {
  const roomy = new Set<string>();
  for (const meter of meters.values()) {
    const share = granted.get(meter.name);
    if (share === undefined) continue;
    const before = meter.share ?? 0;
    meter.bucket = meter.bucket ? refilled(meter.bucket, before, nowMs) : fullBucket(share, nowMs);
    meter.share = share;
    if (share > before) roomy.add(meter.provider);
  }
  return roomy;
}

function metersOf(
  meters: Meters,
  slug: string,
  { name, requestsPerMinute: requests, tokensPerMinute: tokens }: Account,
  nowMs: number,
): readonly (readonly [keyof Amounts, Meter])[] {
  const of = (unit: keyof Amounts, perMinute: number): readonly [keyof Amounts, Meter] => {
    const key = `${slug}/${name} ${unit}`;
    const meter = meters.get(key) ?? {
      name: key,
      provider: slug,
      perMinute,
      share: undefined,
      bucket: undefined,
      neededMs: nowMs,
      used: 0,
      demand: 0,
      wasShort: false,
    };
    meter.perMinute = perMinute;
    meters.set(key, meter);
    return [unit, meter];
  };
  return [
    ...(requests === undefined ? [] : [of('requests', requests)]),
    ...(tokens === undefined ? [] : [of('tokens', tokens)]),
  ];
}
