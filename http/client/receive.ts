/** Hands an answer on as a stream, under a cap of bytes and the deadline of the whole call. */

import { Readable } from 'node:stream';
import type { Failed, FailureReason, Refused } from './ended.js';
import { startExchange } from './exchange.js';
import type { ConnectionSource, Exchange, ExchangeRequest } from './exchange.js';

/**
 * The head has arrived and the body follows; whoever takes it must read or destroy it. It errors
 * with a `DownloadCut` when it ends badly, never with fewer bytes than were sent.
 */
export interface Streamed {
  readonly kind: 'stream';
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: Readable;
}

/** How a download's body errors when it does not arrive whole. */
export class DownloadCut extends Error {
  constructor(readonly reason: FailureReason) {
    super(`The download was cut short: ${reason}.`);
  }
}

const BUFFERED_BYTES = 64 * 1024;

export function receive(
  source: ConnectionSource,
  request: ExchangeRequest,
  bytesMax: number,
): Promise<Streamed | Refused | Failed> {
  return new Promise((resolve, reject) => {
    let body: Readable | undefined;
    let received = 0;
    const failBeforeBody = (reason: FailureReason): void => {
      exchange.stop();
      resolve({ kind: 'failed', reason, mayHaveStarted: true, detail: 'not read' });
    };
    const exchange: Exchange = startExchange(source, request, {
      head(status, headers) {
        const encoding = headers['content-encoding'] ?? 'identity';
        if (encoding !== 'identity') return failBeforeBody('protocol');
        if (Number(headers['content-length']) > bytesMax) return failBeforeBody('too_large');
        body = bodyOf(exchange);
        resolve({ kind: 'stream', status, contentType: headers['content-type'], body });
      },
      data(chunk) {
        received += chunk.length;
        if (received > bytesMax) body?.destroy(new DownloadCut('too_large'));
        else if (body?.push(chunk) === false) exchange.pause();
      },
      end: () => body?.push(null),
      broken(how) {
        if (!body) resolve(how);
        else body.destroy(new DownloadCut(how.kind === 'failed' ? how.reason : 'protocol'));
      },
      crashed(error) {
        if (!body) reject(error);
        else body.destroy(error);
      },
    });
  });
}

function bodyOf(exchange: Exchange): Readable {
  const body = new Readable({
    highWaterMark: BUFFERED_BYTES,
    read: () => exchange.resume(),
    destroy(error, callback) {
      exchange.stop();
      callback(error);
    },
  });
  // The deadline may pass before the reader has attached itself; it then meets the stored error.
  body.on('error', () => undefined);
  return body;
}
