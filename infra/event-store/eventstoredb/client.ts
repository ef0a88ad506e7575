/**
 * `LogClient` over `@eventstore/db-client`. This file and `messages.ts` are all that knows the
 * package, so that its successor replaces these two and nothing else (ADR 12).
 *
 * Taken from the client: how it connects (connection string, cluster discovery, TLS, credentials,
 * a new channel after a failure, keep-alive) and the messages of its protocol. Its verbs are not
 * used: they keep the batch appends of all clients of a process in one table, which a failure of
 * any one empties; when a connection breaks under back-pressure they reject where nobody listens,
 * which ends the process; and they write JSON twice and parse it once too often.
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
import type { LogRow } from '../codec.js';
import {
  openAppendConnections,
  type ConnectionStream,
  type OpenStream,
  type StreamHandlers,
} from './append-connections.js';
import { eventIn } from './event-message.js';
import { openLines } from './lines.js';
import type { Call, Ending, LogClient, LogHandlers } from './log-client.js';
import { answerOf, checkpointIn, followRequest, logRequest, streamRequest } from './messages.js';
import { openOrderedAppends } from './ordered-appends.js';

/** What the client's own verbs are made of. */
interface Wire {
  getChannel(): Promise<{ close(): void }>;
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

/** Most messages are events. */
type Message = LogRow | ReadResp;

/** Ours end by being cancelled; a deadline of gRPC would only be a second opinion. */
const FOR_EVER = { deadline: Infinity };

/**
 * A follower may lag behind: an event that it does not have yet would be taken for one that never
 * happened. (It passes appends on to the leader.)
 */
const OF_THE_LEADER = { requiresLeader: true };

/** What the server was renamed to since; the protocol is the same. */
const NEW_SCHEMES = /^(kurrentdb|kurrent|eventstore)(?=[+:])/;

/** Throws when the connection string cannot be understood; connects when it is first needed. */
export function connectLog(url: string): LogClient {
  const lines = openLines((generation) => wireOf(url, generation));
  const { StreamsClient, StreamsService } = streamsGrpc;
  const { batchAppend, read } = StreamsService;
  let closed = false;

  const openStream = (wire: Wire) =>
    wire.GRPCStreamCreator(StreamsClient, 'append', (client) =>
      client.makeBidiStreamRequest(
        batchAppend.path,
        (message: Buffer) => message,
        batchAppend.responseDeserialize,
        ...(wire.callArguments({}, FOR_EVER) as [never, never]),
      ),
    ) as unknown as () => Promise<AppendStream>;
  const openAppends: OpenStream = (handlers) =>
    connect(openStream(lines.use())(), handlers, lines.heard);
  const appends = openAppendConnections(openAppends);
  const ordered = openOrderedAppends(openAppends);

  const call = (request: ReadReq, onMessage: (message: Message) => void): Call => {
    const wire = lines.use();
    const open = wire.GRPCStreamCreator(StreamsClient, 'read', (client) =>
      client.makeServerStreamRequest<ReadReq, Message>(
        read.path,
        read.requestSerialize,
        (message) => eventIn(message) ?? read.responseDeserialize(message),
        request,
        ...(wire.callArguments(OF_THE_LEADER, FOR_EVER) as [never, never]),
      ),
    );
    return startCall(open, onMessage, lines.heard);
  };
  lines.beatWith(() => call(logRequest(NEWEST), () => undefined));

  return {
    append: (append, timeoutMs) =>
      closed
        ? Promise.resolve({ kind: 'unknown', reason: 'the event store is closed' })
        : appends.append(append, timeoutMs),
    appendInOrder: (some) => ordered.append(some),
    readStream: (range, row) => call(streamRequest(range), rowsTo(row)),
    readLog: (range, row) => call(logRequest(range), rowsTo(row)),
    follow: (after, filter, on, window) =>
      call(followRequest(after, filter, window), (message) => tell(message, on)),
    async close() {
      closed = true;
      appends.close();
      ordered.close();
      await lines.close();
    },
  };
}

/** The least that the client takes without a warning. */
const KEEP_ALIVE_MS = 10_000;

/**
 * Channels with the same options share a connection, so each has options of its own: a new wire is
 * a new connection.
 */
function wireOf(url: string, generation: number): Wire {
  const known = url.replace(NEW_SCHEMES, 'esdb');
  const own = /[?&]keepAliveInterval=(\d+)/i.exec(known)?.[1];
  const interval = `keepAliveInterval=${Number(own ?? KEEP_ALIVE_MS) + generation}`;
  const text = own
    ? known.replace(/keepAliveInterval=\d+/i, interval)
    : `${known}${known.includes('?') ? '&' : '?'}${interval}`;
  return EventStoreDBClient.connectionString(text) as unknown as Wire;
}

/** A stream of batch appends as the append connections take it. */
async function connect(
  opening: Promise<AppendStream>,
  handlers: StreamHandlers,
  heard: () => void,
): Promise<ConnectionStream> {
  const stream = await opening;
  stream.on('data', (message: BatchAppendResp) => {
    heard();
    handlers.answer(message.getCorrelationId()?.getString() ?? '', answerOf(message));
  });
  stream.on('error', (error: Error) => handlers.ended(reasonOf(error)));
  stream.on('end', () => handlers.ended('the append connection was closed'));
  return {
    write: (message, sent) => void stream.write(message as never, sent),
    // Inside the stream's own events grpc-js does not take a cancellation well.
    cancel: () => void setImmediate(() => stream.cancel()),
  };
}

function startCall(
  open: () => Promise<ReadCall>,
  onMessage: (message: Message) => void,
  heard: () => void,
): Call {
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
      call.on('data', (message: Message) => {
        heard();
        if (!cancelled) onMessage(message);
      });
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
  if (code === ABORTED && reason.includes(TOO_SLOW)) return { kind: 'dropped', reason };
  if (exception || REFUSED_CODES.has(code ?? 0)) return { kind: 'refused', reason };
  return { kind: 'away', reason, failed: code === UNKNOWN };
}

const UNKNOWN = 2;
const ABORTED = 10;
const TOO_SLOW = 'too slow';

/** Invalid argument, permission denied, failed precondition, unimplemented, unauthenticated. */
const REFUSED_CODES = new Set([3, 7, 9, 12, 16]);

/** Answered without a look through the log, whatever lies at its end. */
const NEWEST = { from: 'end', limit: 1, filter: 'everything' } as const;

function tell(message: Message, on: LogHandlers): void {
  if (!('hasEvent' in message)) on.row(message);
  else if (message.hasCheckpoint()) {
    const position = checkpointIn(message);
    if (position !== undefined) on.checkpoint(position);
  } else if (message.hasCaughtUp()) on.caughtUp();
  else if (message.hasFellBehind()) on.fellBehind?.();
}

const rowsTo =
  (row: (row: LogRow) => void) =>
  (message: Message): void => {
    if (!('hasEvent' in message)) row(message);
  };
