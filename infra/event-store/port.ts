/**
 * The event store: truth and order.
 *
 * An implementer promises:
 * - A stream's append is all or nothing, and lands only on the expected revision.
 * - A unit's appends are tried in order: the dependent ones only when the primary one landed, each
 *   of them on its own. (PostgreSQL lands a unit in one transaction; no caller may rely on more
 *   than the above.)
 * - Payloads of a unit are durable no later than its events; where the primary append names none
 *   of them, no later than the dependent ones.
 * - Repeating an append with the same event ids at the same expected revision answers `appended`
 *   again with the original revision and position, also from another process.
 * - Position order is commit order: a reader that has seen position p never later finds an event
 *   below p. Positions may have gaps.
 * - When `append` resolved, its events survive `kill -9` and power loss.
 * - Event data and metadata are checked against their schemas before they are written and after
 *   they are read.
 */
import type { NewEvent, RecordedEvent } from '../../contracts/events/envelope.js';
import type { AnyEvent } from '../../contracts/events/all.js';
import type { Category, StreamName } from '../../contracts/streams.js';

export type Position = bigint;

/** Before the first event of the log. */
export const START: Position = -1n;

/** The expected revision of a stream that must not exist yet. */
export const NO_STREAM = -1;

export interface StreamAppend {
  readonly stream: StreamName;
  /** Revision of the stream's last event, `NO_STREAM` when there is none. */
  readonly expectedRevision: number;
  readonly events: readonly NewEvent<AnyEvent>[];
}

/** Opaque bytes, stored beside the log; written once, never changed. */
export interface Payload {
  readonly ref: string;
  readonly organizationId: string;
  readonly bytes: Buffer;
}

export interface AppendUnit {
  readonly appends: readonly [StreamAppend, ...StreamAppend[]];
  readonly payloads?: readonly Payload[];
  /** No event of the primary append names a payload. */
  readonly isPrimaryPlain?: boolean;
  /**
   * A store that appends streams apart calls it as soon as the primary append has landed, while the
   * dependent ones are under way. It is not called for any other outcome.
   */
  readonly onPrimaryLanded?: () => void;
}

export type AppendOutcome =
  /** `revision` and `position` are those of the append's last event. */
  | { readonly status: 'appended'; readonly revision: number; readonly position: Position }
  | { readonly status: 'conflict'; readonly actualRevision: number }
  /** The primary append did not land, so this dependent one was not tried. */
  | { readonly status: 'skipped' };

export interface ReadStreamOptions {
  /** First revision to read; forward from 0, backward from the end, when absent. */
  readonly fromRevision?: number;
  readonly direction?: 'forward' | 'backward';
  readonly limit?: number;
  /**
   * An event of this revision is there, and what follows it is not needed: a forward answer may end
   * with it, and come from memory.
   */
  readonly through?: number;
}

export interface LogFilter {
  readonly categories?: readonly Category[];
  readonly types?: readonly AnyEvent['type'][];
}

/** Of an event, and that of the one before it in the log; `leafIndex` counts those before it. */
export interface LogPlace {
  readonly leafIndex: number;
  readonly position: Position;
  readonly positionBefore: Position;
}

/** `position` is where to go on from, also when the filter left no events. */
export interface LogBatch {
  readonly events: readonly RecordedEvent<AnyEvent>[];
  readonly position: Position;
  /** There was nothing (of the filter) behind this batch when it was read. */
  readonly caughtUp: boolean;
  /** Events that were left out, as this release does not know their types; absent where none. */
  readonly unknown?: number;
}

/** A stream's state at a revision, as its decider wrote it; a cache, never truth. */
export interface Snapshot<State extends string | Buffer = string> {
  readonly revision: number;
  /** Shape of the state; a snapshot of another version is ignored. */
  readonly version: number;
  readonly state: State;
}

export interface EventStore {
  /** One outcome per append, in order. Throws `StoreOverloaded` or `StoreUnavailable`. */
  append(unit: AppendUnit): Promise<readonly AppendOutcome[]>;
  readStream(
    stream: StreamName,
    options?: ReadStreamOptions,
  ): Promise<readonly RecordedEvent<AnyEvent>[]>;
  /** Events after `after`, at most `limit`, in position order. */
  readAll(after: Position, limit: number, filter?: LogFilter): Promise<LogBatch>;
  /** The events at places, which ascend, from the log itself; one that is not there is left out. */
  readAt(places: readonly LogPlace[]): Promise<readonly RecordedEvent<AnyEvent>[]>;
  /** Batches for ever, until the signal aborts. Notified at once of appends of this process. */
  subscribe(after: Position, filter: LogFilter, signal: AbortSignal): AsyncIterable<LogBatch>;
  /** The position of the last event; `START` on an empty log. */
  head(): Promise<Position>;
  readSnapshot(stream: StreamName): Promise<Snapshot | undefined>;
  /** A large state is given as the bytes of its text. */
  writeSnapshot(stream: StreamName, snapshot: Snapshot<string | Buffer>): Promise<void>;
  close(): Promise<void>;
}

/** The bounded queue is full; nothing was written. */
export class StoreOverloaded extends Error {
  readonly retryAfterMs = 1000;
  constructor(message = 'the event store has too many appends waiting') {
    super(message);
    this.name = 'StoreOverloaded';
  }
}

/** The store cannot be reached or did not answer in time: the append may or may not have landed. */
export class StoreUnavailable extends Error {
  readonly retryAfterMs = 1000;
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'StoreUnavailable';
  }
}

/** No event of the log begins at the position, as when it is one of another log. */
export class NoSuchPosition extends Error {
  readonly position: Position;
  constructor(position: Position) {
    super(`no event of the log begins at position ${position}`);
    this.name = 'NoSuchPosition';
    this.position = position;
  }
}
