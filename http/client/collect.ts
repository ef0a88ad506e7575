/** Gathers an answer into memory, and no more of it than was asked for. */

import type { IncomingHttpHeaders } from 'node:http';
import type { Ended, Failure } from './ended.js';
import { startExchange } from './exchange.js';
import type { ConnectionSource, Exchange, ExchangeRequest } from './exchange.js';

export interface BodyLimits {
  readonly bytesMax: number;
  /** Of an answer that is no success (status 300 and above) so much is read; the rest is not. */
  readonly errorBytesMax?: number;
  /** A body that is announced as too large is not read at all. */
  readonly refusesAnnounced?: boolean;
}

const FIRST_BYTES = 4 * 1024;
const NO_BYTES = Buffer.alloc(0);

/** Once the cap is passed the connection is closed: the rest could be endless. */
export function collect(
  source: ConnectionSource,
  request: ExchangeRequest,
  limits: BodyLimits,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    let status = 0;
    let headers: IncomingHttpHeaders = {};
    let body: CappedBody | undefined;
    const answer = (cut: Failure | undefined): void =>
      resolve({ kind: 'answered', status, headers, body: body?.bytes() ?? NO_BYTES, cut });
    const tooLarge = (bytesMax: number): void => {
      exchange.stop();
      answer({ reason: 'too_large', detail: `answer larger than ${bytesMax} bytes` });
    };
    const exchange: Exchange = startExchange(source, request, {
      head(givenStatus, givenHeaders) {
        status = givenStatus;
        headers = givenHeaders;
        const { bytesMax, errorBytesMax = bytesMax, refusesAnnounced = false } = limits;
        const cap = status < 300 ? bytesMax : Math.min(bytesMax, errorBytesMax);
        body = new CappedBody(cap);
        if (refusesAnnounced && Number(headers['content-length']) > cap) tooLarge(cap);
      },
      data(chunk) {
        if (body && !body.add(chunk)) tooLarge(body.bytesMax);
      },
      end: () => answer(undefined),
      broken(how) {
        if (status === 0 || how.kind === 'refused') resolve(how);
        else answer(how);
      },
      crashed: reject,
    });
  });
}

/** Copies what follows a first chunk: a body sent byte by byte must not cost a buffer for each. */
class CappedBody {
  private buffer: Buffer = NO_BYTES;
  private length = 0;

  constructor(readonly bytesMax: number) {}

  /** False when more came than may be kept. */
  add(chunk: Buffer): boolean {
    const room = this.bytesMax - this.length;
    const kept = Math.min(chunk.length, room);
    if (this.length === 0) this.buffer = chunk.subarray(0, kept);
    else {
      if (this.length + kept > this.buffer.length) this.grow(this.length + kept);
      chunk.copy(this.buffer, this.length, 0, kept);
    }
    this.length += kept;
    return chunk.length <= room;
  }

  bytes(): Buffer {
    return this.buffer.subarray(0, this.length);
  }

  private grow(needed: number): void {
    const doubled = Math.min(this.bytesMax, this.buffer.length * 2);
    const larger = Buffer.allocUnsafe(Math.max(needed, doubled, FIRST_BYTES));
    this.buffer.copy(larger, 0, 0, this.length);
    this.buffer = larger;
  }
}
