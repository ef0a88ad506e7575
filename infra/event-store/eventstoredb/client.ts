/**
 * `LogClient` over connections of ours. Which node they lead to, and when a new one is made, is
 * decided by `lines.ts` (ADR 53); this file makes calls of them, and says what their ends mean.
 */
import type { LogRow } from '../codec.js';
import {
  openAppendConnections,
  type ConnectionStream,
  type OpenStream,
  type StreamHandlers,
} from './append-connections.js';
import { CallError, type CodeName } from './call-error.js';
import { parseConnectionString, type Endpoint } from './connection-string.js';
import { openLeaderSearch } from './leader.js';
import { openLines, type Lines } from './lines.js';
import type { Call, Ending, LogClient, LogHandlers } from './log-client.js';
import {
  answerIn,
  checkpointIn,
  followRequest,
  logRequest,
  readIn,
  type ReadMessage,
} from './messages.js';
import { placesOf } from './places.js';
import { gossipOver, versionOver } from './node-questions.js';
import { openOrderedAppends } from './ordered-appends.js';
import { streamRequest } from './stream-request.js';
import { openWire, type Wire } from './wire.js';
import { wireOptionsOf } from './wire-options.js';

const READ = '/event_store.client.streams.Streams/Read';
const BATCH_APPEND = '/event_store.client.streams.Streams/BatchAppend';

/** Throws when the connection string cannot be understood; connects when it is first needed. */
export function connectLog(url: string): LogClient {
  const lines = openLines({ ...waysTo(url), ask: beat, end: (wire) => wire.end() });
  let closed = false;

  const openAppends: OpenStream = async (handlers) => {
    const wire = await lines.use();
    return appendsOver(wire, handlers, wordsOn(lines, wire));
  };
  const appends = openAppendConnections(openAppends);
  const ordered = openOrderedAppends(openAppends);

  const read = (request: Uint8Array, onMessage: (message: ReadMessage) => void): Call =>
    startRead(() => lines.use(), lines, request, onMessage);
  function beat(wire: Wire): Call {
    return startRead(
      () => wire,
      lines,
      streamRequest(NOWHERE),
      () => undefined,
    );
  }

  return {
    append: (append, timeoutMs) =>
      closed
        ? Promise.resolve({ kind: 'unknown', reason: 'the event store is closed' })
        : appends.append(append, timeoutMs),
    appendInOrder: (some) => ordered.append(some),
    readStream: (range, row) => read(streamRequest(range), rowsTo(row)),
    readLog: (range, row) => read(logRequest(range).serializeBinary(), rowsTo(row)),
    follow: (after, filter, on, window) =>
      read(followRequest(after, filter, window).serializeBinary(), (message) => tell(message, on)),
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
  const options = wireOptionsOf(parsed);
  const open = (to: Endpoint): Wire => openWire(to, options);
  const { hosts: seeds, isCluster } = parsed;
  const [only] = seeds;
  const end = (wire: Wire) => wire.end();
  if (isCluster)
    return {
      find: openLeaderSearch({ seeds, resolve: placesOf, open, end, gossip: gossipOver }),
      isCluster,
    };
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

/** A call of batch appends as the append connections take it. */
function appendsOver(wire: Wire, handlers: StreamHandlers, words: Words): ConnectionStream {
  let isCancelled = false;
  const call = wire.call(BATCH_APPEND, {
    decode: answerIn,
    message({ correlation, answer }) {
      words.heard();
      handlers.answer(correlation, answer);
      if (answer.kind === 'unknown') words.failed(new Error(answer.reason));
    },
    ended(error) {
      if (error && !isCancelled) words.failed(error);
      handlers.ended(error?.message ?? 'the append connection was closed');
    },
    drained: handlers.drained,
  });
  return {
    write: (message) => call.write(message),
    get isStale() {
      return words.isStale();
    },
    cancel() {
      isCancelled = true;
      call.fail(CANCELLED_BY_US);
    },
  };
}

const CANCELLED_BY_US = new CallError('CANCELLED', 'nobody waits for it any more');

/**
 * A follower may lag behind: an event that it does not have yet would be taken for one that never
 * happened. (It passes appends on to the leader.)
 */
function startRead(
  use: () => Wire | Promise<Wire>,
  lines: Lines<Wire>,
  request: Uint8Array,
  onMessage: (message: ReadMessage) => void,
): Call {
  let cancel = (): void => undefined;
  let isCancelled = false;
  const ended = new Promise<Ending>((resolve) => {
    const end = (error?: unknown) => resolve(error ? endingOf(error) : { kind: 'done' });
    cancel = () => {
      isCancelled = true;
      end();
    };
    const begin = (wire: Wire) => {
      if (isCancelled) return;
      const words = wordsOn(lines, wire);
      const call = wire.call(
        READ,
        {
          decode: readIn,
          message(message) {
            words.heard();
            if (!isCancelled) onMessage(message);
          },
          ended(error) {
            if (isCancelled) return;
            if (error) words.failed(error);
            end(error);
          },
        },
        'leader only',
      );
      call.write(request);
      call.end();
      cancel = () => {
        isCancelled = true;
        end();
        call.fail(CANCELLED_BY_US);
      };
    };
    Promise.resolve(use()).then(begin).catch(end);
  });
  return { ended, cancel: () => cancel() };
}

function endingOf(error: unknown): Ending {
  const { message: reason } = error as Error;
  if (!(error instanceof CallError)) return { kind: 'away', reason };
  const { code } = error;
  const exception = exceptionIn(error);
  if (exception === 'not-leader') return { kind: 'away', reason };
  if (code === 'ABORTED' && reason.includes(TOO_SLOW)) return { kind: 'dropped', reason };
  if (exception || REFUSED_CODES.has(code)) return { kind: 'refused', reason };
  return { kind: 'away', reason, failed: code === 'UNKNOWN' };
}

/** Of what is said in words only: a node that starts, ends, elects, or is not the leader. */
const REFUSALS = /not ready|read.?only|leader/i;
/** The line holds; the same is said of a call that was refused by itself (`call-error.ts`). */
const BUSY = /too busy/i;

/** The line leads nowhere, or to a node that does nothing now. */
function isRefusal(error: unknown): boolean {
  const { message: reason } = error as Error;
  if (!(error instanceof CallError)) return REFUSALS.test(reason);
  if (exceptionIn(error) === 'not-leader') return true;
  return (error.code === 'UNAVAILABLE' || error.code === 'CANCELLED') && !BUSY.test(reason);
}

/** Whom a node that does not lead names as the leader. */
function leaderIn(error: unknown): Endpoint | undefined {
  if (!(error instanceof CallError)) return undefined;
  const address = error.told['leader-endpoint-host']?.toString();
  const port = Number(error.told['leader-endpoint-port']);
  const isPlace = address !== undefined && PLACE.test(address) && port > 0 && port < 65_536;
  return isPlace ? { address, port } : undefined;
}

/** A name or an address; anything else would make a line that leads nowhere. */
const PLACE = /^[\w.:-]+$/;

const exceptionIn = ({ told }: CallError): string => told['exception']?.toString() ?? '';

const TOO_SLOW = 'too slow';

const REFUSED_CODES: ReadonlySet<CodeName> = new Set<CodeName>([
  ...(['INVALID_ARGUMENT', 'PERMISSION_DENIED', 'FAILED_PRECONDITION'] as const),
  ...(['UNIMPLEMENTED', 'UNAUTHENTICATED'] as const),
]);

function tell(message: ReadMessage, on: LogHandlers): void {
  if (!message) return;
  if (!('hasEvent' in message)) on.row(message);
  else if (message.hasCheckpoint()) {
    const position = checkpointIn(message);
    if (position !== undefined) on.checkpoint(position);
  } else if (message.hasCaughtUp()) on.caughtUp();
  else if (message.hasFellBehind()) on.fellBehind?.();
}

const rowsTo =
  (row: (row: LogRow) => void) =>
  (message: ReadMessage): void => {
    if (message && !('hasEvent' in message)) row(message);
  };
