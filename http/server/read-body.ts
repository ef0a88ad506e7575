/**
 * Reads a request's body into one buffer, counting while it comes. The buffer doubles as the body
 * grows, so that no one reserves what he only announces, and so that pieces of a byte leave nothing
 * behind but their byte.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HeldBytes } from './byte-budget.js';
import { endOfCrumbs, isCrumbled } from './crumbs.js';
import type { LateBodies } from './late-bodies.js';
import { Refusal } from './route.js';

export const BODY_BYTES_MAX = 1024 * 1024;
const FIRST_BYTES = 16 * 1024;

/** The caller went away before its request was whole: there is nobody to answer. */
export class HungUp extends Error {}

/** Something is sent that has not been read to its end. */
export const hasUnreadBody = (incoming: IncomingMessage): boolean =>
  !incoming.complete && announcesBody(incoming);

export const announcesBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

interface Reading {
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  readonly held: HeldBytes;
  readonly late: Pick<LateBodies, 'expect' | 'forget'>;
  readonly bytesMax?: number | undefined;
}

/** A refusal leaves the rest of the body unread. */
export function readBody(reading: Reading): Promise<Buffer | Refusal> {
  const { incoming, response, held, late, bytesMax = BODY_BYTES_MAX } = reading;
  const { 'content-length': announced, expect } = incoming.headers;
  const length = announced === undefined ? undefined : Number(announced);
  if (length !== undefined && length > bytesMax) return Promise.resolve(tooLarge(bytesMax));
  if (expect !== undefined) response.writeContinue();
  late.expect(incoming);
  return new Promise((resolve, reject) => {
    let body: Buffer = NOTHING;
    let bytes = 0;
    let pieces = 0;
    let isRefused = false;
    const refuse = (refusal: Refusal | Promise<Refusal>) => {
      isRefused = true;
      late.forget(incoming);
      body = NOTHING;
      held.release();
      resolve(refusal);
    };
    const take = (piece: Buffer) => {
      if (isRefused) return;
      pieces += 1;
      const before = bytes;
      bytes += piece.length;
      if (bytes > bytesMax) return refuse(tooLarge(bytesMax));
      if (isCrumbled(pieces, bytes)) return refuse(endOfCrumbs(incoming).then(crumbled));
      if (bytes <= body.length) return void piece.copy(body, before);
      const room = before === 0 && bytes === length ? bytes : roomFor(bytes, length ?? bytesMax);
      if (!held.growTo(room)) return refuse(noRoom());
      if (before === 0 && bytes === length) return void (body = piece);
      const larger = Buffer.allocUnsafe(room);
      body.copy(larger, 0, 0, before);
      piece.copy(larger, before);
      body = larger;
    };
    incoming.on('data', take);
    incoming.on('end', () => {
      late.forget(incoming);
      if (isRefused) return;
      const whole = body.length === bytes ? body : body.subarray(0, bytes);
      // The request lives until it is answered, its body no longer than it is needed.
      body = NOTHING;
      resolve(whole);
    });
    incoming.on('error', (error) => {
      late.forget(incoming);
      reject(new HungUp('the caller hung up', { cause: error }));
    });
  });
}

const NOTHING = Buffer.alloc(0);

/** The next power of two, or exactly what was announced where that is less. */
function roomFor(bytes: number, length: number): number {
  let room = FIRST_BYTES;
  while (room < bytes) room *= 2;
  return Math.max(bytes, Math.min(room, length));
}

const tooLarge = (bytesMax: number): Refusal =>
  new Refusal('PAYLOAD_TOO_LARGE', `A body may have at most ${bytesMax} bytes.`);

const crumbled = (): Refusal =>
  new Refusal('INPUT_VALIDATION_ERROR', 'The body was sent in too many small pieces.', undefined, {
    connection: 'close',
  });

const noRoom = (): Refusal =>
  new Refusal(
    'SERVICE_UNAVAILABLE',
    'Too many bytes of requests are being handled; try again in a moment.',
  );
