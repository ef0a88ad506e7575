/**
 * A limit of requests, and what was spent of it. Two rules hold together: a bucket of the limit's
 * burst that refills evenly by the limit, and a sliding minute of at most the limit and a
 * twelfth. So a burst is let through at once, who asks evenly has the whole limit, and over any
 * minute no more than limit × 1.08 + 1 are admitted.
 *
 * The minute is counted in cells of two seconds. Those that are looked at always cover more than 62
 * seconds, so that what was claimed up to two seconds before it is used stays within the rule.
 */
import { refilled, taken, type Bucket } from './bucket.js';

export interface RequestLimit {
  /** More than zero. */
  readonly perMinute: number;
  /** What may come at once. */
  readonly burst: number;
}

export interface Spending {
  readonly bucket: Bucket;
  /** The number of the newest cell since the epoch of its clock. */
  readonly newest: number;
  /** Requests by cell; a cell's place is its number modulo their count. */
  readonly cells: readonly number[];
}

/** What somebody may use of a limit, and how it is after that. */
export interface Grant {
  readonly granted: number;
  /** What others may still have at once. */
  readonly free: number;
  /** Until one more may come; 0 where it may now. */
  readonly waitMs: number;
  /** Until as much as ever may come at once. */
  readonly fullMs: number;
}

interface Claim {
  readonly limit: RequestLimit;
  readonly wanted: number;
  /** Of what was granted before; given back. */
  readonly unused: number;
}

const CELL_MS = 2_000;
const CELLS = 32;
/** Cells cover up to 64 seconds, and who asks evenly fills all of them. */
const MINUTE_SHARE = 1.08;
/** A spending of a later time than now was written by a clock that has jumped back since. */
const CLOCK_DRIFT_MS = 5_000;

const capacityOf = ({ perMinute, burst }: RequestLimit): number =>
  Math.max(1, Math.min(burst, perMinute));

const minuteOf = ({ perMinute }: RequestLimit): number => Math.floor(perMinute * MINUTE_SHARE) + 1;

export const nothingSpent = (limit: RequestLimit, nowMs: number): Spending => ({
  bucket: { balance: capacityOf(limit), atMs: nowMs },
  newest: cellAt(nowMs),
  cells: NO_CELLS,
});

/** Undefined: nothing was spent of it lately. */
export function claimed(
  before: Spending | undefined,
  { limit, wanted, unused }: Claim,
  nowMs: number,
): [Spending, Grant] {
  const now = before ? spendingAt(before, limit, nowMs) : nothingSpent(limit, nowMs);
  const given = unused > 0 ? spendingAt(spent(now, -unused), limit, nowMs) : now;
  const granted = Math.min(wanted, freeIn(given, limit));
  const after = granted > 0 ? spent(given, granted) : given;
  const free = freeIn(after, limit);
  return [
    after,
    { granted, free, waitMs: waitMs(after, limit, nowMs), fullMs: fullMs(after, limit, nowMs) },
  ];
}

/** As it is now; `limit` may have changed since it was touched last. */
export function spendingAt(spending: Spending, limit: RequestLimit, nowMs: number): Spending {
  if (spending.bucket.atMs > nowMs + CLOCK_DRIFT_MS) return nothingSpent(limit, nowMs);
  const bucket = refilled(spending.bucket, limit.perMinute, nowMs, capacityOf(limit));
  const { newest, cells } = spending;
  const now = Math.max(newest, cellAt(nowMs));
  if (now === newest) return { bucket, newest, cells };
  if (now - newest >= CELLS) return { bucket, newest: now, cells: NO_CELLS };
  const moved = cells.slice();
  for (let cell = newest + 1; cell <= now; cell += 1) moved[cell % CELLS] = 0;
  return { bucket, newest: now, cells: moved };
}

/** How many may come now. */
export function freeIn({ bucket, cells }: Spending, limit: RequestLimit): number {
  const free = Math.min(bucket.balance, minuteOf(limit) - sumOf(cells));
  // What was added up in fractions counts as the whole that it is.
  return Math.max(0, Math.floor(free + 1e-6));
}

/** A negative count is given back. */
export function spent({ bucket, newest, cells }: Spending, count: number): Spending {
  const place = newest % CELLS;
  const counted = cells.with(place, (cells[place] ?? 0) + count);
  return { bucket: taken(bucket, count), newest, cells: counted };
}

/** Until one more may come; 0 where it may now. */
export function waitMs(spending: Spending, limit: RequestLimit, nowMs: number): number {
  const { balance } = spending.bucket;
  const bucketMs = Math.max(0, 1 - balance) * (60_000 / limit.perMinute);
  return Math.ceil(Math.max(bucketMs, minuteWaitMs(spending, limit, nowMs)));
}

/** Until as much as ever may come at once. */
export function fullMs(spending: Spending, limit: RequestLimit, nowMs: number): number {
  const missing = Math.max(0, capacityOf(limit) - spending.bucket.balance);
  const bucketMs = missing * (60_000 / limit.perMinute);
  return Math.ceil(Math.max(bucketMs, minuteWaitMs(spending, limit, nowMs)));
}

/** The oldest cells are forgotten first. */
function minuteWaitMs({ newest, cells }: Spending, limit: RequestLimit, nowMs: number): number {
  let over = sumOf(cells) + 1 - minuteOf(limit);
  if (over <= 0) return 0;
  let cell = newest - CELLS;
  while (over > 0 && cell < newest) {
    cell += 1;
    over -= cells[cell % CELLS] ?? 0;
  }
  return Math.max(0, (cell + CELLS) * CELL_MS - nowMs);
}

const cellAt = (nowMs: number): number => Math.floor(nowMs / CELL_MS);

const NO_CELLS: readonly number[] = Object.freeze(new Array<number>(CELLS).fill(0));

function sumOf(cells: readonly number[]): number {
  let sum = 0;
  for (const count of cells) sum += count;
  return sum;
}
