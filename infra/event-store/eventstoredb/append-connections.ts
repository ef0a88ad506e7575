/**
 * Appends go over a few append connections (streams of the one gRPC channel), whichever is free; a
 * new one is opened when all are busy, or one broke.
 *
 *   unsent ──► sent on a connection ──► answered, however late within its time
 *      │                  └───────────► unknown   its time is over, or the connection broke
 *      └──────────────────────────────► unknown   its time is over: a late server has enough to do
 *
 * A connection whose appends are late is kept: what it was given would only be sent again. The line
 * beneath it has a heartbeat of its own, and breaks it when the server is silent. Only a connection
 * that never says a word is cut by itself.
 */
import type { EncodedAppend } from '../unit.js';
import { appendMessage } from './append-message.js';
import type { AppendAnswer } from './log-client.js';

export interface AppendConnections {
  /** Never rejects. */
  append(append: EncodedAppend, timeoutMs: number): Promise<AppendAnswer>;
  close(): void;
}

/** One stream: messages go in, answers come back in any order. */
export interface ConnectionStream {
  /** False when it should be given no more until it has drained. */
  write(message: Buffer): boolean;
  /** It is given nothing more; what it was given may be answered yet. */
  readonly isStale: boolean;
  cancel(): void;
}

export interface StreamHandlers {
  readonly answer: (correlation: string, answer: AppendAnswer) => void;
  /** It takes messages again. */
  readonly drained: () => void;
  readonly ended: (reason: string) => void;
}

/** Rejects with an `Error` when there is no connection. */
export type OpenStream = (handlers: StreamHandlers) => Promise<ConnectionStream>;

interface Pending {
  readonly message: Buffer;
  readonly settle: (answer: AppendAnswer) => void;
  readonly dueAt: number;
}

interface Connection {
  /** Sent on it, and not answered. */
  readonly pending: Map<string, Pending>;
  stream: ConnectionStream | undefined;
  /** It takes the next message. */
  isFree: boolean;
  /** Since when it owes an answer, and has not said a word. */
  owesSince: number | undefined;
}

interface Connections {
  readonly open: OpenStream;
  readonly all: Set<Connection>;
  /** In order, by correlation: what waits for a connection. */
  readonly unsent: Map<string, Pending>;
  opening: Connection | undefined;
  sweeping: NodeJS.Timeout | undefined;
}

/** How late a time-out may be noticed. */
const SWEEP_MS = 25;

/** A stream takes one message in a turn of the event loop, which is long on a busy machine. */
const CONNECTIONS_MAX = 8;

/** A server answers or gives up within two seconds: a connection that takes longer has no end. */
const DEAF_MS = 4_000;

/** The server refuses by itself what reaches it later; clocks may differ by less than this. */
const STALE_MS = 10_000;
const UNANSWERED =
  'the event store did not answer in time; it never does when its clock is more than ' +
  `${STALE_MS / 1000} s ahead of ours`;

export function openAppendConnections(open: OpenStream): AppendConnections {
  const connections: Connections = {
    open,
    all: new Set(),
    unsent: new Map(),
    opening: undefined,
    sweeping: undefined,
  };
  let count = 0;
  return {
    append: (append, timeoutMs) =>
      new Promise((settle) => {
        const dueAt = performance.now() + timeoutMs;
        const correlation = `00000000-0000-4000-8000-${(++count).toString(16).padStart(12, '0')}`;
        const message = appendMessage(correlation, append, Date.now() + STALE_MS);
        connections.unsent.set(correlation, { message, settle, dueAt });
        connections.sweeping ??= setInterval(sweep, SWEEP_MS, connections);
        send(connections);
      }),
    close() {
      const reason = 'the event store is closed';
      giveUp(connections.unsent, reason);
      for (const connection of connections.all) drop(connections, connection, reason);
      clearInterval(connections.sweeping);
    },
  };
}

function openConnection(connections: Connections): void {
  const connection: Connection = {
    pending: new Map(),
    stream: undefined,
    isFree: false,
    owesSince: undefined,
  };
  connections.opening = connection;
  connections.all.add(connection);
  const answer: StreamHandlers['answer'] = (correlation, outcome) => {
    connection.pending.get(correlation)?.settle(outcome);
    connection.pending.delete(correlation);
    connection.owesSince = connection.pending.size > 0 ? performance.now() : undefined;
  };
  const ended = (reason: string) => drop(connections, connection, reason);
  const drained = () => {
    connection.isFree = connections.all.has(connection);
    send(connections);
  };
  connections.open({ answer, drained, ended }).then(
    (stream) => {
      if (connections.opening === connection) connections.opening = undefined;
      connection.stream = stream;
      if (!connections.all.has(connection)) return stream.cancel();
      connection.isFree = true;
      send(connections);
    },
    (error: Error) => ended(error.message),
  );
}

function send(connections: Connections): void {
  for (const [correlation, one] of connections.unsent) {
    const present = [...connections.all].filter(({ stream }) => !stream?.isStale);
    const connection = present.find(({ isFree }) => isFree);
    if (!connection?.stream) {
      if (!connections.opening && present.length < CONNECTIONS_MAX) openConnection(connections);
      return;
    }
    connections.unsent.delete(correlation);
    connection.owesSince ??= performance.now();
    connection.pending.set(correlation, one);
    connection.isFree = connection.stream.write(one.message);
  }
}

/** When this one was about to open, what is unsent is unknown as well: no connection opens. */
function drop(connections: Connections, broken: Connection, reason: string): void {
  if (!connections.all.delete(broken)) return;
  broken.isFree = false;
  giveUp(broken.pending, reason);
  if (connections.opening === broken) {
    connections.opening = undefined;
    giveUp(connections.unsent, reason);
  }
  broken.stream?.cancel();
  if (connections.unsent.size > 0) send(connections);
}

function sweep(connections: Connections): void {
  const now = performance.now();
  settleDue(connections.unsent, now);
  for (const connection of connections.all) {
    settleDue(connection.pending, now);
    if (connection.owesSince !== undefined && now - connection.owesSince > DEAF_MS)
      drop(connections, connection, 'the event store is silent');
  }
  const isBusy = ({ pending, owesSince }: Connection) =>
    pending.size > 0 || owesSince !== undefined;
  if (connections.unsent.size > 0 || [...connections.all].some(isBusy)) return;
  clearInterval(connections.sweeping);
  connections.sweeping = undefined;
}

/** Those that are due are unknown. */
function settleDue(pending: Map<string, Pending>, now: number): void {
  for (const [correlation, one] of pending) {
    if (one.dueAt > now) continue;
    pending.delete(correlation);
    one.settle({ kind: 'unknown', reason: UNANSWERED });
  }
}

function giveUp(pending: Map<string, Pending>, reason: string): void {
  for (const { settle } of pending.values()) settle({ kind: 'unknown', reason });
  pending.clear();
}
