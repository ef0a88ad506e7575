/**
 * Limits that the replicas share: each holds a part of a limit for a while, and renews it.
 *
 * An implementer promises: the parts of a limit that have not run out never add up to more than it;
 * a part is what domain/rate-limit/shares.ts grants, out of what the others have by then; it runs
 * out after its time, by one clock for all holders. Holders that live have different names.
 */
export interface LimitShares {
  /** The holder's part of each of these limits from now on. Throws on an outage. */
  renew(
    holder: string,
    wishes: readonly LimitWish[],
    ttlMs: number,
  ): Promise<ReadonlyMap<string, number>>;
  /** Lets others have all of its parts at once. */
  giveBack(holder: string): Promise<void>;
}

export interface LimitWish {
  readonly limit: string;
  /** Of all holders together. */
  readonly perMinute: number;
  /** What this holder could use in a minute. */
  readonly demand: number;
}
