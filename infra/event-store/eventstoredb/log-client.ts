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
  /** The server dropped a reader that was slow for a moment; it may go on where it was. */
  | { readonly kind: 'dropped'; readonly reason: string }
  /** `failed`: the server was there, and says that it could not. */
  | { readonly kind: 'away'; readonly reason: string; readonly failed?: boolean };

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

export interface LogRange {
  /** Forward from a position on, itself included; backward from the end. */
  readonly from: Position | 'end';
  readonly limit: number;
  /** `everything`: the server's own events too, so that it never has to look for the next one. */
  readonly filter: ServerFilter | 'everything';
}

export interface LogHandlers {
  /** In order; also events of the server's own, when it was not asked to leave them out. */
  readonly row: (row: LogRow) => void;
  /** Every event up to here was given to `row`. */
  readonly checkpoint: (position: Position) => void;
  /** There is nothing behind the last event given to `row`. */
  readonly caughtUp: () => void;
  /** There is again; `caughtUp` comes anew. */
  readonly fellBehind?: () => void;
}

export interface LogClient {
  append(append: EncodedAppend, timeoutMs: number): Promise<AppendAnswer>;
  /** As `OrderedAppends` promises. */
  appendInOrder(appends: readonly EncodedAppend[]): Promise<readonly AppendAnswer[]>;
  readStream(range: StreamRange, row: (row: LogRow) => void): Call;
  readLog(range: LogRange, row: (row: LogRow) => void): Call;
  /** Everything behind a position, without end; a checkpoint each time `window` were looked at. */
  follow(after: Position, filter: ServerFilter, on: LogHandlers, window?: number): Call;
  /** Of the server, as it names it; undefined when it does not say. */
  version(timeoutMs: number): Promise<string | undefined>;
  /** Ends everything in flight. */
  close(): Promise<void>;
}
