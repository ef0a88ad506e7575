/**
 * What knows `@eventstore/db-client`, with `messages.ts` beside it. What is above knows only the
 * types of this file, so that the client's successor replaces these two and nothing else (ADR 12).
 *
 * Taken from the client: how it connects (connection string, cluster discovery, TLS, credentials,
 * a new channel after a failure, keep-alive) and the messages of its protocol. Its verbs are not
 * used: they keep the batch appends of all clients of a process in one table, which a failure of
 * any one empties; when a connection breaks under back-pressure they reject where nobody listens,
 * which ends the process; and they write JSON twice and parse it once too often.
 *
 * Nothing here throws for what a server or a network does: answers are values.
 */
import { EventStoreDBClient } from '@eventstore/db-client';
import streamsGrpc, {
  type StreamsClient,
} from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type {
  BatchAppendResp,
  ReadReq,
  ReadResp,
} from '@eventstore/db-client/generated/streams_pb.js';
import type { StreamName } from '../../../contracts/streams.js';
import type { LogRow } from '../codec.js';
import type { Position } from '../port.js';
import type { EncodedAppend } from '../unit.js';
import { appendMessage } from './append-message.js';
import { eventIn } from './event-message.js';
import { answerOf, followRequest, logRequest, streamRequest } from './messages.js';

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
  /** Ends it as `done`; nothing is told any more. */
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

export interface LogTold {
  /** In order; also events of the server's own, when it was not asked to leave them out. */
  readonly row: (row: LogRow) => void;
  /** Everything up to here has been told. */
  readonly checkpoint: (position: Position) => void;
  /** Nothing lies behind what has been told. */
  readonly caughtUp: () => void;
}

export interface LogClient {
  append(append: EncodedAppend, timeoutMs: number): Promise<AppendAnswer>;
  readStream(range: StreamRange, row: (row: LogRow) => void): Call;
  /** From a position on, itself included, or backward from the end. */
  readLog(from: Position | 'end', limit: number, row: (row: LogRow) => void): Call;
  /** Everything behind a position, without end. */
  follow(after: Position, filter: ServerFilter, told: LogTold): Call;
  /** Whatever is under way ends. */
  close(): Promise<void>;
}

/** What the client's own verbs are made of. */
interface Wire {
  GRPCStreamCreator<Stream>(
    client: typeof StreamsClient,
    name: string,
    create: (client: StreamsClient) => Stream,
  ): () => Promise<Stream>;
  callArguments(options: object, call: object): Parameters<StreamsClient['batchAppend']>;
  dispose(): Promise<void>;
}

type AppendStream = ReturnType<StreamsClient['batchAppend']>;
type ReadCall = ReturnType<StreamsClient['makeServerStreamRequest']>;

/** Most of what is read are events. */
type Told = LogRow | ReadResp;

/** Ours end by being cancelled; a deadline of gRPC would only be a second opinion. */
const FOR_EVER = { deadline: Infinity };

/**
 * A follower may lag behind: what it does not have yet would be taken for what never happened.
 * (Appends it passes on to the leader.)
 */
const OF_THE_LEADER = { requiresLeader: true };

/** What the server was renamed to since; the protocol is the same. */
const NEW_SCHEMES = /^(kurrentdb|kurrent|eventstore)(?=[+:])/;

/** Throws when the connection string cannot be understood; connects when it is first needed. */
export function connectLog(url: string): LogClient {
  const wire = EventStoreDBClient.connectionString(
    url.replace(NEW_SCHEMES, 'esdb'),
  ) as unknown as Wire;
  const { StreamsClient, StreamsService } = streamsGrpc;
  const { batchAppend, read } = StreamsService;
  let closed = false;

  const appends = openAppends(
    wire.GRPCStreamCreator(StreamsClient, 'append', (client) =>
      client.makeBidiStreamRequest(
        batchAppend.path,
        (message: Buffer) => message,
        batchAppend.responseDeserialize,
        ...(wire.callArguments({}, FOR_EVER) as [never, never]),
      ),
    ) as unknown as () => Promise<AppendStream>,
  );

  const call = (request: ReadReq, tell: (told: Told) => void): Call =>
    startCall(
      wire.GRPCStreamCreator(StreamsClient, 'read', (client) =>
        client.makeServerStreamRequest<ReadReq, Told>(
          read.path,
          read.requestSerialize,
          (message) => eventIn(message) ?? read.responseDeserialize(message),
          request,
          ...(wire.callArguments(OF_THE_LEADER, FOR_EVER) as [never, never]),
        ),
      ),
      tell,
    );

  return {
    append: (append, timeoutMs) =>
      closed
        ? Promise.resolve({ kind: 'unknown', reason: 'the event store is closed' })
        : appends.append(append, timeoutMs),
    readStream: (range, row) => call(streamRequest(range), rowsTo(row)),
    readLog: (from, limit, row) => call(logRequest(from, limit), rowsTo(row)),
    follow: (after, filter, told) =>
      call(followRequest(after, filter), (message) => {
        if (!('hasEvent' in message)) told.row(message);
        else if (message.hasCheckpoint())
          told.checkpoint(BigInt(message.getCheckpoint()?.getCommitPosition() ?? -1));
        else if (message.hasCaughtUp()) told.caughtUp();
      }),
    async close() {
      closed = true;
      appends.close();
      await wire.dispose();
    },
  };
}

interface Pending {
  readonly message: Buffer;
  readonly settle: (answer: AppendAnswer) => void;
  readonly dueAt: number;
  sentAt: number;
}

interface Line {
  /** Sent on it, and not answered. */
  readonly pending: Map<string, Pending>;
  stream: AppendStream | undefined;
  /** It takes the next message; the one before has been handed to the network. */
  isFree: boolean;
  heardAt: number;
}

/** How late a time-out may be noticed. */
const SWEEP_MS = 25;

/** A stream takes one message in a turn of the event loop, which is long when there is much to do. */
const LINES_MAX = 8;

/** The server refuses by itself what reaches it later; clocks may differ by less than this. */
const STALE_MS = 10_000;
const UNANSWERED =
  'the event store did not answer in time; it never does when its clock is more than ' +
  `${STALE_MS / 1000} s ahead of ours`;

/**
 * Appends go over a few streams of the connection, whichever is free; a new one is opened when all
 * are busy, or one broke. What is not sent yet when its time is over is never sent: a server that
 * is behind has enough to do.
 */
function openAppends(open: () => Promise<AppendStream>) {
  const lines = new Set<Line>();
  /** In order, by correlation: what waits for a line. */
  const unsent = new Map<string, Pending>();
  let opening: Line | undefined;
  let sweeping: NodeJS.Timeout | undefined;
  let sent = 0;

  function openLine(): void {
    const fresh: Line = { pending: new Map(), stream: undefined, isFree: false, heardAt: 0 };
    opening = fresh;
    lines.add(fresh);
    const end = (error?: unknown) => drop(fresh, error ? reasonOf(error) : 'the line was closed');
    open().then((stream) => {
      if (opening === fresh) opening = undefined;
      fresh.stream = stream;
      stream.on('data', (message: BatchAppendResp) => heard(fresh, message));
      stream.on('error', end);
      stream.on('end', end);
      if (!lines.has(fresh)) return void stream.cancel();
      fresh.isFree = true;
      send();
    }, end);
  }

  function send(): void {
    for (const [correlation, one] of unsent) {
      const line = [...lines].find(({ isFree }) => isFree);
      if (!line?.stream) {
        if (!opening && lines.size < LINES_MAX) openLine();
        return;
      }
      unsent.delete(correlation);
      one.sentAt = performance.now();
      line.pending.set(correlation, one);
      line.isFree = false;
      line.stream.write(one.message as never, () => {
        line.isFree = lines.has(line);
        if (line.isFree && unsent.size > 0) send();
      });
    }
  }

  function heard(from: Line, message: BatchAppendResp): void {
    from.heardAt = performance.now();
    const correlation = message.getCorrelationId()?.getString() ?? '';
    from.pending.get(correlation)?.settle(answerOf(message));
    from.pending.delete(correlation);
  }

  /** What has no line yet is told as well when this was to be one: none can be opened. */
  function drop(broken: Line, reason: string): void {
    if (!lines.delete(broken)) return;
    const lost = [...broken.pending.values()];
    broken.pending.clear();
    if (opening === broken) {
      opening = undefined;
      lost.push(...unsent.values());
      unsent.clear();
    }
    for (const { settle } of lost) settle({ kind: 'unknown', reason });
    const { stream } = broken;
    // Inside the stream's own events grpc-js does not take a cancellation well.
    if (stream) setImmediate(() => stream.cancel());
    if (unsent.size > 0) send();
  }

  /** A line on which nothing at all is heard is given up. */
  function sweep(): void {
    const now = performance.now();
    for (const [correlation, { settle, dueAt }] of unsent) {
      if (dueAt > now) continue;
      unsent.delete(correlation);
      settle({ kind: 'unknown', reason: UNANSWERED });
    }
    for (const line of lines) if (!settleDue(line, now)) drop(line, 'the event store is silent');
    if (unsent.size > 0 || [...lines].some(({ pending }) => pending.size > 0)) return;
    clearInterval(sweeping);
    sweeping = undefined;
  }

  return {
    append: (append: EncodedAppend, timeoutMs: number): Promise<AppendAnswer> =>
      new Promise((settle) => {
        const sentAt = performance.now();
        const correlation = `00000000-0000-4000-8000-${(++sent).toString(16).padStart(12, '0')}`;
        const message = appendMessage(correlation, append, Date.now() + STALE_MS);
        unsent.set(correlation, { message, settle, sentAt, dueAt: sentAt + timeoutMs });
        sweeping ??= setInterval(sweep, SWEEP_MS);
        send();
      }),
    close() {
      const reason = 'the event store is closed';
      for (const { settle } of unsent.values()) settle({ kind: 'unknown', reason });
      unsent.clear();
      for (const line of lines) drop(line, reason);
      clearInterval(sweeping);
    },
  };
}

/** Those that are due are unknown; whether anything was heard since the first of them was sent. */
function settleDue({ pending, heardAt }: Line, now: number): boolean {
  let alive = true;
  for (const [correlation, { settle, sentAt, dueAt }] of pending) {
    if (dueAt > now) continue;
    alive &&= heardAt >= sentAt;
    pending.delete(correlation);
    settle({ kind: 'unknown', reason: UNANSWERED });
  }
  return alive;
}

function startCall(open: () => Promise<ReadCall>, tell: (told: Told) => void): Call {
  let cancel = (): void => undefined;
  let cancelled = false;
  const ended = new Promise<Ending>((resolve) => {
    const end = (error?: unknown) => resolve(error ? endingOf(error) : { kind: 'done' });
    cancel = () => {
      cancelled = true;
      end();
    };
    open().then((call) => {
      const stop = () => setImmediate(() => call.cancel());
      call.on('data', (told: Told) => !cancelled && tell(told));
      call.on('error', end);
      call.on('end', () => end());
      cancel = () => {
        cancelled = true;
        stop();
        end();
      };
      if (cancelled) stop();
    }, end);
  });
  return { ended, cancel: () => cancel() };
}

interface GrpcError extends Error {
  readonly code?: number;
  readonly metadata?: { getMap(): Record<string, string | Buffer> };
}

const reasonOf = (error: unknown): string => (error as Error).message || String(error);

function endingOf(error: unknown): Ending {
  const { code, metadata } = error as GrpcError;
  const exception = metadata?.getMap()['exception']?.toString() ?? '';
  const reason = reasonOf(error);
  if (exception === 'not-leader') return { kind: 'away', reason };
  return { kind: exception || REFUSED_CODES.has(code ?? 0) ? 'refused' : 'away', reason };
}

/** Invalid argument, permission denied, failed precondition, unimplemented, unauthenticated. */
const REFUSED_CODES = new Set([3, 7, 9, 12, 16]);

const rowsTo =
  (row: (row: LogRow) => void) =>
  (told: Told): void => {
    if (!('hasEvent' in told)) row(told);
  };
