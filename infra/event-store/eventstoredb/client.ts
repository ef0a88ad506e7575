/**
 * `LogClient` over `@eventstore/db-client`. This file, `wire.ts` and `messages.ts` are all that
 * knows the package, so that its successor replaces these three and nothing else (ADR 12).
 *
 * Taken from the client: how it connects to a node (TLS, credentials, keep-alive) and the messages
 * of its protocol. Which node that is, and when a new connection is made, is ours (ADR 53): the
 * client waits five seconds for a frozen node before it asks the next. Its verbs are not
 * used: they keep the batch appends of all clients of a process in one table, which a failure of
 * any one empties; when a connection breaks under back-pressure they reject where nobody listens,
 * which ends the process; and they write JSON twice and parse it once too often.
 */
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
import { parseConnectionString, stringFor, type Endpoint } from './connection-string.js';
import { openLeaderSearch } from './leader.js';
import { openLines, type Lines } from './lines.js';
import type { Call, Ending, LogClient, LogHandlers } from './log-client.js';
import { answerOf, checkpointIn, followRequest, logRequest, streamRequest } from './messages.js';
import { openOrderedAppends } from './ordered-appends.js';
import { endWire, gossipOver, openWire, versionOver, type Wire } from './wire.js';

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

/** Throws when the connection string cannot be understood; connects when it is first needed. */
export function connectLog(url: string): LogClient {
  const lines = openLines({ ...waysTo(url), ask: beat, end: endWire });
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
  const openAppends: OpenStream = async (handlers) => {
    const wire = await lines.use();
    return connect(openStream(wire)(), handlers, wordsOn(lines, wire));
  };
  const appends = openAppendConnections(openAppends);
  const ordered = openOrderedAppends(openAppends);

  const callOn = async (used: Wire | Promise<Wire>, request: ReadReq): Promise<Opened> => {
    const wire = await used;
    const open = wire.GRPCStreamCreator(StreamsClient, 'read', (client) =>
      client.makeServerStreamRequest<ReadReq, Message>(
        read.path,
        read.requestSerialize,
        (message) => eventIn(message) ?? read.responseDeserialize(message),
        request,
        ...(wire.callArguments(OF_THE_LEADER, FOR_EVER) as [never, never]),
      ),
    );
    return { call: await open(), words: wordsOn(lines, wire) };
  };
  const call = (request: ReadReq, onMessage: (message: Message) => void): Call =>
    startCall(() => callOn(lines.use(), request), onMessage);
  function beat(wire: Wire): Call {
    return startCall(
      () => callOn(wire, streamRequest(NOWHERE)),
      () => undefined,
    );
  }

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
    version: async (timeoutMs) => versionOver(await lines.use(), timeoutMs),
    async close() {
      closed = true;
      appends.close();
      ordered.close();
      await lines.close();
    },
  };
}

/** Of a stream that is never written to: an answer that costs a server next to nothing. */
const NOWHERE = { stream: 'execution-pulse', from: 0, backward: false, limit: 1 } as const;

/** Where lines lead: to the only server, or to the node that leads. */
function waysTo(url: string) {
  const parsed = parseConnectionString(url);
  let generation = 0;
  const open = (to: Endpoint): Wire => openWire(stringFor(parsed, to, generation++));
  const { hosts: seeds, isCluster } = parsed;
  // The client says what is wrong with an option.
  seeds.forEach(open);
  const [only] = seeds;
  if (isCluster)
    return { find: openLeaderSearch({ seeds, open, end: endWire, gossip: gossipOver }), isCluster };
  const find = async (at: Endpoint = only) => ({ wire: open(at), at });
  return { find, isCluster };
}

interface Words {
  readonly heard: () => void;
  /** Of an error, or of an answer that says why nothing was done. */
  readonly failed: (error: unknown) => void;
  readonly isStale: () => boolean;
}

function wordsOn(lines: Lines<Wire>, wire: Wire): Words {
  return {
    heard: lines.heard,
    failed: (error) => {
      if (isRefusal(error)) lines.refused(wire, leaderIn(error));
    },
    isStale: () => !lines.isPresent(wire),
  };
}

/** A stream of batch appends as the append connections take it. */
async function connect(
  opening: Promise<AppendStream>,
  handlers: StreamHandlers,
  words: Words,
): Promise<ConnectionStream> {
  const stream = await opening;
  let isCancelled = false;
  stream.on('data', (message: BatchAppendResp) => {
    words.heard();
    const answer = answerOf(message);
    handlers.answer(message.getCorrelationId()?.getString() ?? '', answer);
    if (answer.kind === 'unknown') words.failed(new Error(answer.reason));
  });
  stream.on('error', (error: Error) => {
    if (!isCancelled) words.failed(error);
    handlers.ended(reasonOf(error));
  });
  stream.on('end', () => handlers.ended('the append connection was closed'));
  return {
    write: (message, sent) => void stream.write(message as never, sent),
    get isStale() {
      return words.isStale();
    },
    cancel() {
      isCancelled = true;
      // Inside the stream's own events grpc-js does not take a cancellation well.
      setImmediate(() => stream.cancel());
    },
  };
}

interface Opened {
  readonly call: ReadCall;
  readonly words: Words;
}

function startCall(open: () => Promise<Opened>, onMessage: (message: Message) => void): Call {
  let cancel = (): void => undefined;
  let cancelled = false;
  const ended = new Promise<Ending>((resolve) => {
    const end = (error?: unknown) => resolve(error ? endingOf(error) : { kind: 'done' });
    cancel = () => {
      cancelled = true;
      end();
    };
    open().then(({ call, words }) => {
      const stop = () => setImmediate(() => call.cancel());
      call.on('data', (message: Message) => {
        words.heard();
        if (!cancelled) onMessage(message);
      });
      call.on('error', (error) => {
        if (!cancelled) words.failed(error);
        end(error);
      });
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
  const exception = exceptionIn(metadata);
  const reason = reasonOf(error);
  if (exception === 'not-leader') return { kind: 'away', reason };
  if (code === ABORTED && reason.includes(TOO_SLOW)) return { kind: 'dropped', reason };
  if (exception || REFUSED_CODES.has(code ?? 0)) return { kind: 'refused', reason };
  return { kind: 'away', reason, failed: code === UNKNOWN };
}

/** Of what is said in words only: a node that starts, ends, elects, or is not the leader. */
const REFUSALS = /not ready|read.?only|leader/i;
const BUSY = /too busy/i;

/** The line leads nowhere, or to a node that does nothing now. */
function isRefusal(error: unknown): boolean {
  const { code, metadata } = error as GrpcError;
  if (exceptionIn(metadata) === 'not-leader') return true;
  const reason = reasonOf(error);
  if (code === undefined) return REFUSALS.test(reason);
  return (code === UNAVAILABLE || code === CANCELLED) && !BUSY.test(reason);
}

/** Whom a node that does not lead names as the leader. */
function leaderIn(error: unknown): Endpoint | undefined {
  const told = (error as GrpcError).metadata?.getMap();
  const address = told?.['leader-endpoint-host']?.toString();
  const port = Number(told?.['leader-endpoint-port']);
  return address !== undefined && port > 0 ? { address, port } : undefined;
}

const exceptionIn = (metadata: GrpcError['metadata']): string =>
  metadata?.getMap()['exception']?.toString() ?? '';

const CANCELLED = 1;
const UNAVAILABLE = 14;
const UNKNOWN = 2;
const ABORTED = 10;
const TOO_SLOW = 'too slow';

/** Invalid argument, permission denied, failed precondition, unimplemented, unauthenticated. */
const REFUSED_CODES = new Set([3, 7, 9, 12, 16]);

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
