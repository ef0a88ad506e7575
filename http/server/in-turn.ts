/**
 * One request of a connection is handled at a time. Node parses all that a client has pipelined at
 * once, and would have hundreds of one connection handled side by side, with their answers kept
 * until their turn.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

type Handler = (incoming: IncomingMessage, response: ServerResponse) => void;

/** More than any client of today sends ahead; such a connection is cut. */
const WAITING_MAX = 100;

export function inTurn(handle: Handler): Handler {
  const waiting = new WeakMap<Socket, number>();
  return (incoming, response) => {
    // Node gives a response its socket when those before it have been sent.
    if (response.socket) {
      handle(incoming, response);
      return;
    }
    const { socket } = incoming;
    const ahead = (waiting.get(socket) ?? 0) + 1;
    waiting.set(socket, ahead);
    if (ahead > WAITING_MAX) {
      socket.destroy();
      return;
    }
    response.once('socket', () => {
      waiting.set(socket, (waiting.get(socket) ?? 1) - 1);
      // The one before may have asked for the connection's end.
      if (!socket.destroyed && socket.writable) handle(incoming, response);
    });
  };
}
