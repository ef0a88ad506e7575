/**
 * What a store of files or large payloads says about everything that is in it, so that what no
 * event names can be found and removed.
 *
 * An implementer promises: what was written before the moment and is still there is among the
 * names; of what is written, replaced or removed meanwhile nothing is promised. Moments are of the
 * store's own clock.
 */
export interface Sweepable<N extends string> {
  /** In pages, none of them empty. Throws `StoreUnavailable`. */
  writtenBefore(ms: number): AsyncIterable<readonly N[]>;
  /** Without effect when there is none. */
  removeNamed(name: N): Promise<void>;
  /** Removes what was begun before the moment and never became whole; it has no name. */
  removeUnfinished(beforeMs: number): Promise<void>;
}
