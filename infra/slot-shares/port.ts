/**
 * Slots of providers that the replicas share: each holds some for a while, and renews them.
 *
 * An implementer promises: what is held of a provider and has not run out never adds up to more
 * than its limit, but for what `keep` insists on; what a holder is to have is what
 * domain/rate-limit/slots.ts says, out of what the others have left by then; it runs out after its
 * time, by one clock for all holders. Holders that live have different names.
 */
export interface SlotShares {
  /**
   * By provider, what the holder has from now on, no more than what `keep` answered; of a provider
   * that it does not name, nothing.
   * Throws on an outage, after which it may have what it had or what was granted.
   */
  renew(
    holder: string,
    wishes: readonly SlotWish[],
    ttlMs: number,
  ): Promise<ReadonlyMap<string, number>>;
  /** Lets others have all of its slots at once. */
  giveBack(holder: string): Promise<void>;
}

export interface SlotWish {
  readonly provider: string;
  /** Of all holders together. */
  readonly limit: number;
  /** How many this holder could use. */
  readonly demand: number;
  /**
   * Told what the holder is to have before anybody else can be given the rest; from then on it
   * begins nothing beyond it. Answers what it keeps: that, or its calls in flight if they are more.
   */
  readonly keep: (slots: number) => number;
}

/** Who comes first where slots are fewer than holders changes after so long. */
export const TURN_MS = 2_000;
