/**
 * Answers with the head of an answer as soon as it is here, and with the first bytes of its body
 * where they are asked for and come at once. What follows is let go: a body that trickles, never
 * ends or is cut takes nothing from what the status line says.
 */

import type { IncomingHttpHeaders } from 'node:http';
import type { Failed, Refused } from './ended.js';
import { startExchange } from './exchange.js';
import type { ConnectionSource, Exchange, ExchangeRequest } from './exchange.js';

export interface Head {
  readonly kind: 'answered';
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly excerpt?: Buffer;
}

/** A body this short and this quick is read, so that its connection serves the next call. */
const BODY_BYTES_MAX = 16 * 1024;
const BODY_MS_MAX = 1_000;
/** The first bytes are waited for no longer. */
const EXCERPT_MS_MAX = 100;

export function readHead(
  source: ConnectionSource,
  request: ExchangeRequest,
  excerptBytesMax = 0,
): Promise<Head | Refused | Failed> {
  return new Promise((resolve, reject) => {
    let bodyBytes = 0;
    let patience: NodeJS.Timeout | undefined;
    let excerpt: Excerpt | undefined;
    const exchange: Exchange = startExchange(source, request, {
      head(status, headers) {
        const head = { kind: 'answered', status, headers } as const;
        if (excerptBytesMax > 0) excerpt = openExcerpt(head, excerptBytesMax, resolve);
        else resolve(head);
        if (Number(headers['content-length']) > BODY_BYTES_MAX && !excerpt) exchange.stop();
        else patience = setTimeout(() => exchange.stop(), BODY_MS_MAX);
      },
      data(chunk) {
        bodyBytes += chunk.length;
        excerpt?.add(chunk);
        if (bodyBytes <= BODY_BYTES_MAX) return;
        clearTimeout(patience);
        exchange.stop();
      },
      end() {
        clearTimeout(patience);
        excerpt?.end();
      },
      broken(how) {
        clearTimeout(patience);
        excerpt?.end();
        resolve(how);
      },
      crashed(error) {
        clearTimeout(patience);
        excerpt?.end();
        reject(error);
      },
    });
  });
}

interface Excerpt {
  add(chunk: Buffer): void;
  /** Resolves with the head and what there is of its body. */
  end(): void;
}

function openExcerpt(head: Head, bytesMax: number, resolve: (head: Head) => void): Excerpt {
  let excerpt = Buffer.alloc(0);
  const end = () => {
    clearTimeout(timer);
    resolve(excerpt.length > 0 ? { ...head, excerpt } : head);
  };
  const timer = setTimeout(end, EXCERPT_MS_MAX);
  return {
    add(chunk) {
      if (excerpt.length >= bytesMax) return;
      excerpt = Buffer.concat([excerpt, chunk]).subarray(0, bytesMax);
      if (excerpt.length === bytesMax) end();
    },
    end,
  };
}
