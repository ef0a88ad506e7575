/** One connection of one origin, as it is opened, and what its socket shows of the other side. */

import type { Socket } from 'node:net';
import { Client, type buildConnector } from 'undici';

export type ConnectionOptions = Readonly<Client.Options> & {
  readonly connect: buildConnector.connector;
};

export interface Connection {
  readonly client: Client;
  socket: Socket | undefined;
  /** Writes that the system has not taken. */
  unsent: number;
  /** Since its last answer; undefined until the first. */
  restsSinceMs: number | undefined;
  isOver: boolean;
}

export function openConnection(url: string, options: ConnectionOptions): Connection {
  const client = new Client(url, {
    ...options,
    connect(place, callback) {
      options.connect(place, (...[error, socket]) => {
        if (error) return callback(error, null);
        connection.socket = socket;
        countUnsent(connection, socket);
        callback(null, socket);
      });
    },
  });
  const connection: Connection = {
    client,
    socket: undefined,
    unsent: 0,
    restsSinceMs: undefined,
    isOver: false,
  };
  return connection;
}

/** A system resets at once what it will not read; what comes later may be about the work. */
const UNREAD_MS = 100;

/** Of a call that begins now: whether, once it has ended, nobody can have read it whole. */
export function untakenFrom(connection: Connection): (isReset: boolean) => boolean {
  const bytesBefore = connection.socket?.bytesRead ?? 0;
  const atMs = performance.now();
  return (isReset) => {
    const { socket, unsent, restsSinceMs } = connection;
    if (!socket || socket.bytesRead > bytesBefore) return false;
    if (unsent > 0) return true;
    return isReset && restsSinceMs !== undefined && performance.now() - atMs <= UNREAD_MS;
  };
}

function countUnsent(connection: Connection, socket: Socket): void {
  const write = socket.write.bind(socket) as (...given: unknown[]) => boolean;
  // A write that is given up when the socket is destroyed calls back without an error, too.
  const sent = (error?: Error | null): void => {
    if (!error && !socket.destroyed) connection.unsent--;
  };
  const counted = (...given: unknown[]): boolean => {
    if (typeof given.at(-1) === 'function') return write(...given);
    connection.unsent++;
    return write(...given, sent);
  };
  Object.assign(socket, { write: counted });
}
