/**
 * Hands an answer on as a stream, under a cap of bytes, the deadline of the whole call, and a least
 * speed: a server that holds a download open and sends next to nothing is cut long before.
 */

import type { IncomingHttpHeaders } from 'node:http';
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
  /** As the sender names it; the body is as it came (see unpack.ts). */
  readonly contentEncoding: string | undefined;
  /** Of a redirect, which is not followed here. */
  readonly location: string | undefined;
  readonly body: Readable;
}

/** How a download's body errors when it does not arrive whole. */
export class DownloadCut extends Error {
  constructor(readonly reason: FailureReason) {
    super(`The download was cut short: ${reason}.`);
  }
}

export interface DownloadLimits {
  readonly bytesMax: number;
  /** Until the head, and from then on, so many bytes at least in each such time. */
  readonly patienceMs: number;
  readonly bytesMin: number;
}

const BUFFERED_BYTES = 64 * 1024;

export function receive(
  source: ConnectionSource,
  request: ExchangeRequest,
  { bytesMax, patienceMs, bytesMin }: DownloadLimits,
): Promise<Streamed | Refused | Failed> {
  return new Promise((resolve, reject) => {
    let body: Readable | undefined;
    let received = 0;
    let receivedBefore = 0;
    /** While the reader takes its time, the server's silence is none. */
    let isPaused = false;
    const failBeforeBody = (reason: FailureReason): void => {
      clearInterval(patience);
      exchange.stop();
      resolve({ kind: 'failed', reason, mayHaveStarted: true, detail: 'not read' });
    };
    const patience = setInterval(() => {
      if (!body) return failBeforeBody('timeout');
      if (!isPaused && received - receivedBefore < bytesMin)
        body.destroy(new DownloadCut('timeout'));
      receivedBefore = received;
    }, patienceMs);
    const exchange: Exchange = startExchange(source, request, {
      head(status, headers) {
        if (Number(headers['content-length']) > bytesMax) return failBeforeBody('too_large');
        patience.refresh();
        body = bodyOf({
          resume() {
            if (isPaused) patience.refresh();
            isPaused = false;
            exchange.resume();
          },
          stop() {
            clearInterval(patience);
            exchange.stop();
          },
        });
        resolve(streamed(status, headers, body));
      },
      data(chunk) {
        received += chunk.length;
        if (received > bytesMax) body?.destroy(new DownloadCut('too_large'));
        else if (body?.push(chunk) === false) {
          isPaused = true;
          exchange.pause();
        }
      },
      end() {
        clearInterval(patience);
        body?.push(null);
      },
      broken(how) {
        clearInterval(patience);
        if (!body) resolve(how);
        else body.destroy(new DownloadCut(how.kind === 'failed' ? how.reason : 'protocol'));
      },
      crashed(error) {
        clearInterval(patience);
        if (!body) reject(error);
        else body.destroy(error);
      },
    });
  });
}

function streamed(status: number, headers: IncomingHttpHeaders, body: Readable): Streamed {
  return {
    kind: 'stream',
    status,
    contentType: headers['content-type'],
    contentEncoding: headers['content-encoding'],
    location: headers.location,
    body,
  };
}

function bodyOf(exchange: Pick<Exchange, 'resume' | 'stop'>): Readable {
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
