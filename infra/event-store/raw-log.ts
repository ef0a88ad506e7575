/**
 * The log as it was written: text that nobody decodes, checks or brings up to date. By it a log
 * moves from store to store, so it also carries events that this release cannot read.
 *
 * An implementer promises:
 * - A page has every event of ours behind `after`, in position order, with data and metadata as
 *   they were given to `append`.
 * - Runs land in the order in which they are given: each all or nothing on its expected revision,
 *   and all of their events in position order; the positions in the outcomes show it.
 * - After a run that did not land, and when `append` throws, some of the runs may have landed, or
 *   may yet: the log tells which. A writer is the only one, and repeats from the first run that the
 *   log lacks, with the same ids at the same expected revisions.
 */
import type { LogRow } from './codec.js';
import type { LogPage, Place } from './log-reader.js';
import type { AppendOutcome, Position } from './port.js';
import type { EncodedAppend } from './unit.js';

export interface RawLog {
  page(after: Position, limit: number): Promise<LogPage>;
  /** The last events of the log, in position order. */
  newest(limit: number): Promise<readonly LogRow[]>;
  /** `event` also before the first one, and where a scavenge took an event away. */
  place(position: Position): Promise<Place>;
  /** One outcome per run. Throws `StoreOverloaded` or `StoreUnavailable`. */
  append(runs: readonly EncodedAppend[]): Promise<readonly AppendOutcome[]>;
}
