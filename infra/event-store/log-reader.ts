/** How a store reads its rows; both stores read streams and pages of the log behind this port. */
import type { StreamName } from '../../contracts/streams.js';
import type { LogRow } from './codec.js';
import type { LogFilter, LogPlace, Position, ReadStreamOptions } from './port.js';

/** Rows behind a position, and how far the log is known by them. */
export interface LogPage {
  readonly rows: readonly LogRow[];
  /** Where to go on from: everything that the filter passes up to here is among the rows. */
  readonly position: Position;
  /** Nothing (of the filter) was behind this page when it was read. */
  readonly caughtUp: boolean;
}

export interface LogReader {
  stream(stream: StreamName, options: ReadStreamOptions): Promise<readonly LogRow[]>;
  /** At most `limit` rows in position order; some of them may be none of the filter's. */
  page(after: Position, limit: number, filter: LogFilter): Promise<LogPage>;
  /** The rows at places, which ascend; one that is not there is left out. */
  at(places: readonly LogPlace[]): Promise<readonly LogRow[]>;
  /** The last rows of the log, in position order. */
  newest(limit: number): Promise<readonly LogRow[]>;
  head(): Promise<Position>;
  place(position: Position): Promise<Place>;
}

/** An event begins at a position; or none does, but later ones; or the log ends before it. */
export type Place = 'event' | 'between' | 'behind';
