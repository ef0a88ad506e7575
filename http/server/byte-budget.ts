/**
 * Counts the bytes that requests and answers keep in memory, so that their sum in this process is
 * bounded, and so that no one caller fills it alone.
 */
import type { ServerResponse } from 'node:http';

/** What is in flight in one process. */
const BYTES_MAX = 256 * 1024 * 1024;
/** What one caller may hold of it. */
const SHARE_MAX = BYTES_MAX / 2;
/** So little is not counted for its caller: small requests pass beside large ones of the same. */
const SMALL_BYTES = 64 * 1024;

export interface ByteBudget {
  readonly bytesMax: number;
  readonly shareMax: number;
  /** All that is held. */
  total: number;
  /** By holder, those that hold more than a little. */
  readonly shares: Map<string, number>;
}

export const openByteBudget = (bytesMax = BYTES_MAX, shareMax = SHARE_MAX): ByteBudget => ({
  bytesMax,
  shareMax,
  total: 0,
  shares: new Map(),
});

/** What one request holds, its answer included; nothing at first. */
export class HeldBytes {
  private bytes = 0;
  private shared = 0;

  constructor(
    private readonly budget: ByteBudget,
    private readonly holder: string,
  ) {}

  /** Takes until it holds so many bytes; false, taking nothing, where there is no room. */
  growTo(bytes: number): boolean {
    const { budget, holder } = this;
    const more = bytes - this.bytes;
    if (more <= 0) return true;
    if (budget.total + more > budget.bytesMax) return false;
    if (bytes > SMALL_BYTES) {
      const share = (budget.shares.get(holder) ?? 0) + bytes - this.shared;
      if (share > budget.shareMax) return false;
      budget.shares.set(holder, share);
      this.shared = bytes;
    }
    budget.total += more;
    this.bytes = bytes;
    return true;
  }

  release(): void {
    const { budget, holder } = this;
    budget.total -= this.bytes;
    const share = (budget.shares.get(holder) ?? 0) - this.shared;
    if (this.shared > 0 && share > 0) budget.shares.set(holder, share);
    else if (this.shared > 0) budget.shares.delete(holder);
    this.bytes = 0;
    this.shared = 0;
  }
}

/** The slowest reader that is waited for: half a minute, then 16 KB a second. */
const TAKING_MS = 30_000;
const TAKEN_BYTES_PER_MS = 16;

/** What the caller has not taken yet stays counted, and is not kept for ever. */
export function releaseWhenTaken(held: HeldBytes, response: ServerResponse): void {
  const { writableLength: bytes } = response;
  if (bytes === 0 || response.destroyed) {
    held.release();
    return;
  }
  const cut = setTimeout(() => response.destroy(), TAKING_MS + bytes / TAKEN_BYTES_PER_MS);
  response.once('close', () => {
    clearTimeout(cut);
    held.release();
  });
  // A small answer is let through when there is no room: it says so.
  if (bytes > SMALL_BYTES && !held.growTo(bytes)) response.destroy();
}
