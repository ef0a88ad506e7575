/**
 * A request's body as a stream, for what is too large to hold: it is counted while it comes, and
 * read only as fast as it is taken. A caller who sends nothing for a while, or is not done in the
 * time that the largest body may take, is refused.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { endOfCrumbs, isCrumbled } from './crumbs.js';
import { HungUp } from './read-body.js';
import { Refusal } from './route.js';

interface Streaming {
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  readonly bytesMax: number;
  /** As long as nothing may come. */
  readonly idleMs: number;
}

/** 150 MB at 85 KB a second; a server must wait longer than that for any request. */
export const STREAM_MS_MAX = 30 * 60_000;

/**
 * A refusal where too much is announced. The stream breaks with a `Refusal` or with `HungUp`; then,
 * and when it is destroyed, the rest of the body is unread.
 */
export function streamBody(streaming: Streaming): Readable | Refusal {
  const { incoming, response, bytesMax, idleMs } = streaming;
  const { 'content-length': announced, expect } = incoming.headers;
  if (announced !== undefined && Number(announced) > bytesMax) return tooLarge(bytesMax);
  let bytes = 0;
  let pieces = 0;
  const body = new Readable({
    read() {
      idle.refresh();
      incoming.resume();
    },
    destroy(error, done) {
      stop();
      done(error);
    },
  });
  const idle = setTimeout(() => {
    // While it is not asked for more, it is not the caller who is slow.
    if (incoming.isPaused()) idle.refresh();
    else body.destroy(tooSlow('No byte of the body came for too long.'));
  }, idleMs);
  const ending = setTimeout(
    () => body.destroy(tooSlow('The body took too long to arrive.')),
    STREAM_MS_MAX,
  );
  const take = (piece: Buffer) => {
    idle.refresh();
    bytes += piece.length;
    pieces += 1;
    if (bytes > bytesMax) body.destroy(tooLarge(bytesMax));
    else if (isCrumbled(pieces, bytes))
      void endOfCrumbs(incoming).then(() => body.destroy(crumbled()));
    else if (!body.push(piece)) incoming.pause();
  };
  const end = () => body.push(null);
  const breakOff = (error?: Error) =>
    body.destroy(new HungUp('the caller hung up', { cause: error }));
  const closed = () => (incoming.complete ? undefined : breakOff());
  function stop(): void {
    clearTimeout(idle);
    clearTimeout(ending);
    incoming.off('data', take).off('end', end).off('error', breakOff).off('close', closed);
    incoming.pause();
    // What still comes of a body that nobody takes may break off without harm.
    incoming.on('error', () => undefined);
  }
  incoming.on('data', take).on('end', end).on('error', breakOff).on('close', closed);
  // Whoever reads it learns of the error as well; where nobody does, it harms nobody.
  body.on('error', () => undefined);
  if (expect !== undefined) response.writeContinue();
  return body;
}

const tooLarge = (bytesMax: number): Refusal =>
  new Refusal('PAYLOAD_TOO_LARGE', `The body may have at most ${bytesMax} bytes.`);

const tooSlow = (message: string): Refusal =>
  new Refusal('INPUT_VALIDATION_ERROR', message, undefined, { connection: 'close' });

const crumbled = (): Refusal => tooSlow('The body was sent in too many small pieces.');
