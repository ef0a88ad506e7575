/** The ways in which a provider goes wrong on the wire (F8). */
import { type IncomingMessage, type ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { type Answer } from './job.js';

interface Fault {
  /** The status that the caller gets to see; null when it sees none. */
  readonly status: number | null;
  /** Whether the provider did the work and charges for it, whatever became of the answer. */
  readonly paid: boolean;
}

export type Misbehaviour = keyof typeof misbehaviours;

export const misbehaviours = {
  /** Takes the request and never answers. */
  timeout: { status: null, paid: true },
  /** Sends the answer's body at one byte a second. */
  drip: { status: 200, paid: true },
  /** Sends header lines for ever. */
  'headers-never-end': { status: 200, paid: true },
  /** Resets the connection (RST) after half of the body. */
  'reset-mid-body': { status: 200, paid: true },
  /** Answers 200 with a body that is no JSON. */
  malformed: { status: 200, paid: true },
  /** Closes the connection (FIN) after half of the announced body. */
  truncated: { status: 200, paid: true },
  /** About 1 MB of gzip that opens up to 1 GiB. */
  'gzip-bomb': { status: 200, paid: true },
  /** Announces and sends 1 GiB. */
  'huge-body': { status: 200, paid: true },
  /** Sends a chunked body for ever. */
  'endless-body': { status: 200, paid: true },
  /** Usage counts are the bare word NaN, as some JSON writers put it. */
  'nan-usage': { status: 200, paid: true },
  'negative-usage': { status: 200, paid: true },
  /** Usage counts are 1e308. */
  'huge-usage': { status: 200, paid: true },
  /** Answers 307 to another path of the same provider; whoever follows is in the record. */
  redirect: { status: 307, paid: false },
} as const satisfies Record<string, Fault>;

/** A good answer that shall go wrong. */
interface Spoiled {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly contentType: string;
  readonly body: Buffer;
  readonly usage: Answer['usage'] | null;
  readonly redirectTo: string;
}

/** A reset throws away what its receiver has not read: the half must have arrived before it. */
const resetAfterMs = 50;
const gib = 1024 ** 3;
const block = Buffer.alloc(64 * 1024, ' ');

export function misbehave(kind: Misbehaviour, spoiled: Spoiled): void {
  const { response, body, contentType } = spoiled;
  switch (kind) {
    case 'timeout':
      return;
    case 'drip':
      return drip(spoiled);
    case 'headers-never-end':
      return sendHeadersForEver(spoiled);
    case 'reset-mid-body':
      return sendHalf(spoiled, () => {
        setTimeout(() => spoiled.request.socket.resetAndDestroy(), resetAfterMs).unref();
      });
    case 'truncated':
      return sendHalf(spoiled, () => spoiled.request.socket.destroySoon());
    case 'malformed':
      return send(spoiled, Buffer.from(`${body.toString('latin1', 0, 24)}<<<\u0000 not json }}`));
    case 'gzip-bomb':
      return void sendBomb(response, contentType);
    case 'huge-body':
      response.writeHead(200, { 'content-type': contentType, 'content-length': gib });
      return pour(response, gib);
    case 'endless-body':
      response.writeHead(200, { 'content-type': contentType });
      return pour(response, Infinity);
    case 'nan-usage':
      return send(spoiled, withUsage(spoiled, 'NaN'));
    case 'negative-usage':
      return send(spoiled, withUsage(spoiled, '-1000'));
    case 'huge-usage':
      return send(spoiled, withUsage(spoiled, '1e308'));
    case 'redirect':
      response.writeHead(307, { location: spoiled.redirectTo, 'content-length': 0 });
      response.end();
  }
}

function send({ response, contentType }: Spoiled, body: Buffer): void {
  response.writeHead(200, { 'content-type': contentType, 'content-length': body.length });
  response.end(body);
}

/** Every count of the answer's own usage object is replaced. */
function withUsage({ body, usage }: Spoiled, count: string): Buffer {
  if (!usage) return body;
  const counts = Object.keys(usage).map((name) => `"${name}":${count}`);
  const before = Buffer.from(JSON.stringify(usage));
  const at = body.lastIndexOf(before);
  return Buffer.concat([
    body.subarray(0, at),
    Buffer.from(`{${counts.join(',')}}`),
    body.subarray(at + before.length),
  ]);
}

function drip({ response, contentType, body }: Spoiled): void {
  response.writeHead(200, { 'content-type': contentType, 'content-length': body.length });
  response.flushHeaders();
  let sent = 0;
  const timer = setInterval(() => {
    // The caller may have gone before the first byte.
    if (response.destroyed) return clearInterval(timer);
    response.write(body.subarray(sent, ++sent));
    if (sent < body.length) return;
    clearInterval(timer);
    response.end();
  }, 1000);
  response.on('close', () => clearInterval(timer));
}

function sendHeadersForEver({ request, response }: Spoiled): void {
  const { socket } = request;
  socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n');
  let lines = 0;
  const timer = setInterval(() => {
    if (socket.destroyed) return clearInterval(timer);
    if (!socket.writableNeedDrain) socket.write(`x-padding-${++lines}: ${'-'.repeat(40)}\r\n`);
  }, 100);
  response.on('close', () => clearInterval(timer));
}

function sendHalf({ response, contentType, body }: Spoiled, then: () => void): void {
  response.writeHead(200, { 'content-type': contentType, 'content-length': body.length });
  response.write(body.subarray(0, Math.ceil(body.length / 2)), then);
}

/** Writes spaces as fast as the caller takes them, never more than a block ahead of it. */
function pour(response: ServerResponse, bytesMax: number): void {
  let left = bytesMax;
  const more = () => {
    while (left > 0 && !response.destroyed) {
      const piece = left < block.length ? block.subarray(0, left) : block;
      left -= piece.length;
      if (!response.write(piece)) {
        response.once('drain', more);
        return;
      }
    }
    response.end();
  };
  more();
}

async function sendBomb(response: ServerResponse, contentType: string): Promise<void> {
  bomb ??= gzipBomb();
  const body = await bomb;
  response.writeHead(200, {
    'content-type': contentType,
    'content-encoding': 'gzip',
    'content-length': body.length,
  });
  response.end(body);
}

let bomb: Promise<Buffer> | null = null;

/** RFC 1952: members that follow one another decompress to their contents, joined. */
async function gzipBomb(): Promise<Buffer> {
  const memberBytes = 16 * 1024 * 1024;
  const member = await promisify(gzip)(Buffer.alloc(memberBytes, ' '));
  return Buffer.concat(Array.from({ length: gib / memberBytes }, () => member));
}
