/**
 * A balance that refills evenly, by its share of a limit in a minute, up to a twentieth of that
 * share and one. Over any minute it gives out at most its share × 1.05 + 1, and the rest of what
 * was taken last: what is taken may be more than there is, and is then paid off.
 */
export interface Bucket {
  readonly balance: number;
  readonly atMs: number;
}

const BURST = 0.05;
const MINUTE_MS = 60_000;

const capacityOf = (share: number): number => share * BURST + 1;

/** Full, as of one that nothing was taken from. */
export const fullBucket = (share: number, nowMs: number): Bucket => ({
  balance: capacityOf(share),
  atMs: nowMs,
});

/**
 * Under a share that holds since the bucket was touched last; up to a twentieth of it unless the
 * bucket has a capacity of its own.
 */
export function refilled(
  { balance, atMs }: Bucket,
  share: number,
  nowMs: number,
  capacity = capacityOf(share),
): Bucket {
  const gained = (Math.max(0, nowMs - atMs) * share) / MINUTE_MS;
  return { balance: Math.min(balance + gained, capacity), atMs: nowMs };
}

/** What is larger than the bucket is let through when it is full. */
export const hasRoom = ({ balance }: Bucket, share: number, amount: number): boolean =>
  share > 0 && balance >= Math.min(amount, capacityOf(share));

/** A negative amount is given back. */
export const taken = (bucket: Bucket, amount: number): Bucket => ({
  ...bucket,
  balance: bucket.balance - amount,
});

/** Of what it could hold; below zero while it is paid off. */
export const freeShare = ({ balance }: Bucket, share: number): number =>
  share > 0 ? balance / capacityOf(share) : 0;
