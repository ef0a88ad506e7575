/**
 * Answers with the head of an answer as soon as it is here. What follows is let go: a body that
 * trickles, never ends or is cut takes nothing from what the status line says.
 */

import type { IncomingHttpHeaders } from 'node:http';
import type { Failed, Refused } from './ended.js';
import { startExchange } from './exchange.js';
import type { ConnectionSource, Exchange, ExchangeRequest } from './exchange.js';

export interface Head {
  readonly kind: 'answered';
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

/** A body this short and this quick is read, so that its connection serves the next call. */
const BODY_BYTES_MAX = 16 * 1024;
const BODY_MS_MAX = 1_000;

export function readHead(
  source: ConnectionSource,
  request: ExchangeRequest,
): Promise<Head | Refused | Failed> {
  return new Promise((resolve, reject) => {
    let bodyBytes = 0;
    let patience: NodeJS.Timeout | undefined;
    const exchange: Exchange = startExchange(source, request, {
      head(status, headers) {
        resolve({ kind: 'answered', status, headers });
        if (Number(headers['content-length']) > BODY_BYTES_MAX) exchange.stop();
        else patience = setTimeout(() => exchange.stop(), BODY_MS_MAX);
      },
      data(chunk) {
        bodyBytes += chunk.length;
        if (bodyBytes <= BODY_BYTES_MAX) return;
        clearTimeout(patience);
        exchange.stop();
      },
      end: () => clearTimeout(patience),
      broken(how) {
        clearTimeout(patience);
        resolve(how);
      },
      crashed(error) {
        clearTimeout(patience);
        reject(error);
      },
    });
  });
}
