/**
 * Mends what the head of an answer may have around it before the HTTP client reads it, which is
 * stricter than what servers send:
 *
 * - informational answers (RFC 9110, 15.2), asked for or not: undici takes an unasked `100` for the
 *   end of the connection. `101` is left to it, which refuses an upgrade that nobody asked for.
 * - blank lines before the status line
 * - the same `Content-Length` twice, in two lines or in one (RFC 9112, 6.3), or beside a
 *   `Transfer-Encoding`, which goes before it unless it is `identity`, which is none. Two that
 *   differ are left, and refused.
 *
 * A head is expected once for each call, since a connection carries one at a time, and handed on
 * once it is whole. What follows it is nobody's business here.
 */

import type { Socket } from 'node:net';
import type { buildConnector } from 'undici';

/** A head that is longer is passed on as it is, and refused where it is too long. */
const HEAD_BYTES_MAX = 32 * 1024;
const START = 'HTTP/1.1 1xx';
const INFORMATIONAL = /^HTTP\/1\.[01] 1(?!01)\d\d/;
const NOTHING: Buffer = Buffer.alloc(0);

export const withMendedHeads =
  (connect: buildConnector.connector): buildConnector.connector =>
  (place, callback) =>
    connect(place, (...[error, socket]) => {
      if (error) return callback(error, null);
      mendHeads(socket);
      callback(null, socket);
    });

/** A call begins on the connection; the first one begins with it. */
export const expectHead = (socket: Socket): void => {
  const state = expecting.get(socket);
  if (state) state.expectsHead = true;
};

const expecting = new WeakMap<Socket, { expectsHead: boolean }>();

function mendHeads(socket: Socket): void {
  const state = { expectsHead: true };
  expecting.set(socket, state);
  let held = NOTHING;
  const read = socket.read.bind(socket) as (size?: number) => Buffer | null;
  const received = (size?: number): Buffer | null => {
    for (;;) {
      const chunk = read(size);
      if (chunk === null || !state.expectsHead) return chunk;
      held = afterInformational(held.length > 0 ? Buffer.concat([held, chunk]) : chunk);
      if (isUndecided(held)) continue;
      const head = held;
      held = NOTHING;
      state.expectsHead = false;
      return withOneLength(head);
    }
  };
  Object.assign(socket, { read: received });
}

function afterInformational(bytes: Buffer): Buffer {
  let rest = afterBlankLines(bytes);
  while (isInformational(rest)) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) return rest;
    rest = afterBlankLines(rest.subarray(end + 4));
  }
  return rest;
}

const RETURN = 13;
const NEW_LINE = 10;

function afterBlankLines(bytes: Buffer): Buffer {
  let from = 0;
  while (bytes[from] === RETURN || bytes[from] === NEW_LINE) from++;
  return from === 0 ? bytes : bytes.subarray(from);
}

/** Whether a head begins here, as far as can be seen, and has not ended. */
function isUndecided(bytes: Buffer): boolean {
  if (bytes.length === 0) return true;
  const begun = bytes.toString('latin1', 0, START.length);
  if (!BEGINS_AS_HTTP.test(begun + START.slice(begun.length))) return false;
  return headEnd(bytes) < 0 && bytes.length <= HEAD_BYTES_MAX;
}

const BEGINS_AS_HTTP = /^HTTP\/1\./;

/** Where the last line of a head ends, also where its lines end without a return. */
function headEnd(bytes: Buffer): number {
  const strict = bytes.indexOf('\r\n\r\n');
  return strict >= 0 ? strict : bytes.indexOf('\n\n');
}

const isInformational = (bytes: Buffer): boolean =>
  INFORMATIONAL.test(bytes.toString('latin1', 0, START.length));

function withOneLength(bytes: Buffer): Buffer {
  const end = headEnd(bytes);
  if (end < 0) return bytes;
  const given = bytes.toString('latin1', 0, end);
  if (!MAY_CONTRADICT.test(given)) return bytes;
  const lines = given.match(LENGTH_LINE);
  if (!lines) return bytes;
  const head = given.replace(IDENTITY_LINE, '');
  const isChunked = /\ntransfer-encoding:/i.test(head);
  const lengths = lines.flatMap((line) => line.slice(line.indexOf(':') + 1).split(','));
  const [first = '', ...others] = lengths.map((length) => length.trim());
  if (others.length === 0 && !isChunked && head === given) return bytes;
  if (!isChunked && others.some((length) => length !== first)) return bytes;
  const kept = isChunked ? '' : `\r\ncontent-length: ${first}`;
  const mended = head.replace(LENGTH_LINE, '') + kept;
  return Buffer.concat([Buffer.from(mended, 'latin1'), bytes.subarray(end)]);
}

/** A length that is said twice, or beside a transfer encoding. */
const MAY_CONTRADICT =
  /\ntransfer-encoding:|\ncontent-length:[^\r\n]*,|\ncontent-length:[^]*\ncontent-length:/i;
const LENGTH_LINE = /\r?\ncontent-length:[^\r\n]*/gi;
const IDENTITY_LINE = /\r?\ntransfer-encoding:[ \t]*identity[ \t]*(?=[\r\n]|$)/gi;
