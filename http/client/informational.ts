/**
 * Drops informational answers (RFC 9110, 15.2) from what a connection receives, before the HTTP
 * client reads it: undici takes an unasked `100 Continue` for the end of the connection. `101` is
 * left to undici, which refuses an upgrade that nobody asked for.
 *
 * An answer is expected from the first byte that is written on, since a connection carries one call
 * at a time.
 */

import type { Socket } from 'node:net';
import type { buildConnector } from 'undici';

/** A head that is longer is passed on, and refused as too long. */
const HEAD_BYTES_MAX = 16 * 1024;
const START = 'HTTP/1.1 1xx';
const INFORMATIONAL = /^HTTP\/1\.[01] 1(?!01)\d\d/;
const NOTHING: Buffer = Buffer.alloc(0);

export const withoutInformational =
  (connect: buildConnector.connector): buildConnector.connector =>
  (place, callback) =>
    connect(place, (...[error, socket]) => {
      if (error) return callback(error, null);
      dropInformational(socket);
      callback(null, socket);
    });

function dropInformational(socket: Socket): void {
  let expectsHead = false;
  let held = NOTHING;
  const read = socket.read.bind(socket) as (size?: number) => Buffer | null;
  const write = socket.write.bind(socket) as (...given: unknown[]) => boolean;
  const written = (...given: unknown[]): boolean => {
    expectsHead = true;
    return write(...given);
  };
  const received = (size?: number): Buffer | null => {
    for (;;) {
      const chunk = read(size);
      if (chunk === null || !expectsHead) return chunk;
      held = afterInformational(held.length > 0 ? Buffer.concat([held, chunk]) : chunk);
      if (isUndecided(held)) continue;
      const head = held;
      [expectsHead, held] = [false, NOTHING];
      return head;
    }
  };
  Object.assign(socket, { read: received, write: written });
}

function afterInformational(bytes: Buffer): Buffer {
  let rest = bytes;
  while (isInformational(rest)) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) return rest;
    rest = rest.subarray(end + 4);
  }
  return rest;
}

/** Whether an informational head begins here, as far as can be seen, and has not ended. */
function isUndecided(bytes: Buffer): boolean {
  if (bytes.length < START.length) {
    const begun = bytes.toString('latin1');
    return INFORMATIONAL.test(begun + START.slice(begun.length).replaceAll('x', '0'));
  }
  return isInformational(bytes) && bytes.length <= HEAD_BYTES_MAX;
}

const isInformational = (bytes: Buffer): boolean =>
  INFORMATIONAL.test(bytes.toString('latin1', 0, START.length));
