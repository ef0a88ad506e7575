/**
 * What the event store asks of a connection to the server. Nothing here throws for what a server or
 * a network does: answers are values.
 */
import type { StreamName } from '../../../contracts/streams.js';
import type { LogRow } from '../codec.js';
import type { Position } from '../port.js';
import type { EncodedAppend } from '../unit.js';

export type AppendAnswer =
  /** `position` is the last event's; a repeat may be answered without. */
  | {
      readonly kind: 'landed';
      readonly revision: number;
      readonly position: Position | undefined;
    }
  | { readonly kind: 'elsewhere'; readonly actualRevision: number }
  /** The server will not take it, however often it is asked. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** It may have landed, or may yet. */
  | { readonly kind: 'unknown'; readonly reason: string };

export type Ending =
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'away'; readonly reason: string };

export interface Call {
  /** Never rejects. */
  readonly ended: Promise<Ending>;
  /** Ends it as `done`; no handler is called any more. */
  readonly cancel: () => void;
}

export interface StreamRange {
  readonly stream: StreamName;
  /** `end` backward. */
  readonly from: number | 'end';
  readonly backward: boolean;
  readonly limit: number | undefined;
}

/** What the server leaves out beside its own events; at most one of the two. */
export interface ServerFilter {
  readonly streamPrefixes?: readonly string[];
  readonly typePrefixes?: readonly string[];
}

export interface LogHandlers {
  /** In order; also events of the server's own, when it was not asked to leave them out. */
  readonly row: (row: LogRow) => void;
  /** Every event up to here was given to `row`. */
  readonly checkpoint: (position: Position) => void;
  /** There is nothing behind the last event given to `row`. */
  readonly caughtUp: () => void;
}

export interface LogClient {
  append(append: EncodedAppend, timeoutMs: number): Promise<AppendAnswer>;
  readStream(range: StreamRange, row: (row: LogRow) => void): Call;
  /** From a position on, itself included, or backward from the end. */
  readLog(from: Position | 'end', limit: number, row: (row: LogRow) => void): Call;
  /** Everything behind a position, without end. */
  follow(after: Position, filter: ServerFilter, on: LogHandlers): Call;
  /** Ends everything in flight. */
  close(): Promise<void>;
}
