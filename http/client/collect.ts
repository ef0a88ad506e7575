/** Gathers an answer into memory, and no more of it than was asked for. */

import type { Connections } from './connections.js';
import type { Exchange, ExchangeRequest } from './exchange.js';
import { startExchange } from './exchange.js';
import type { Headers, OutboundResult } from './outbound.js';

const FIRST_BYTES = 4 * 1024;

/** Once the cap is passed the connection is closed: the rest could be endless. */
export function collect(
  connections: Connections,
  request: ExchangeRequest,
  bytesMax: number,
): Promise<OutboundResult> {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    let status = 0;
    let headers: Headers = {};
    const body = cappedBody(bytesMax);
    const answer = (truncated: boolean): void => {
      const latencyMs = performance.now() - startedAt;
      resolve({ kind: 'answered', status, headers, body: body.bytes(), truncated, latencyMs });
    };
    const exchange: Exchange = startExchange(connections, request, {
      head(givenStatus, givenHeaders) {
        status = givenStatus;
        headers = givenHeaders;
      },
      data(chunk) {
        if (body.add(chunk)) return;
        exchange.stop();
        answer(true);
      },
      end: () => answer(false),
      broken: resolve,
      crashed: reject,
    });
  });
}

/** Copies into one growing buffer: a body sent byte by byte must not cost a buffer for each. */
function cappedBody(bytesMax: number): { add(chunk: Buffer): boolean; bytes(): Buffer } {
  let buffer = Buffer.alloc(0);
  let length = 0;
  return {
    add(chunk) {
      const room = bytesMax - length;
      const kept = Math.min(chunk.length, room);
      if (length + kept > buffer.length) {
        const size = Math.max(length + kept, Math.min(bytesMax, buffer.length * 2), FIRST_BYTES);
        const larger = Buffer.allocUnsafe(size);
        buffer.copy(larger, 0, 0, length);
        buffer = larger;
      }
      chunk.copy(buffer, length, 0, kept);
      length += kept;
      return chunk.length <= room;
    },
    bytes: () => buffer.subarray(0, length),
  };
}
