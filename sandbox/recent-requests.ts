/**
 * The newest requests as they came, so that they can be held against a vendor's reference: method,
 * path, headers and body. In memory only; credentials are left out.
 */
import { type IncomingMessage } from 'node:http';

interface RecentRequest {
  readonly time: string;
  readonly personality: string;
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Null where it is too large, or no text. */
  readonly body: string | null;
}

export interface RecentRequests {
  add(personality: string, request: IncomingMessage, body: Buffer | 'too_large'): void;
  /** Oldest first; of one personality, or of all. */
  of(personality: string | null): readonly RecentRequest[];
}

const requestsKept = 200;
const bodyBytesMax = 64 * 1024;

export function openRecentRequests(): RecentRequests {
  const kept: RecentRequest[] = [];
  return {
    add(personality, request, body) {
      const { method = '', url = '/', headers } = request;
      kept.push({
        time: new Date().toISOString(),
        personality,
        method,
        path: url,
        headers: withoutCredentials(headers),
        body: body === 'too_large' || body.length > bodyBytesMax ? null : textOf(body, headers),
      });
      if (kept.length > requestsKept) kept.shift();
    },
    of: (personality) =>
      personality === null ? kept : kept.filter((one) => one.personality === personality),
  };
}

const CREDENTIALS = new Set(['authorization', 'x-api-key', 'x-goog-api-key']);

/** `Bearer …` of a bearer, `…` of a bare key. */
function withoutCredentials(headers: IncomingMessage['headers']): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => {
      const text = String(value);
      return [name, CREDENTIALS.has(name) ? text.replace(/\S+$/, '…') : text];
    }),
  );
}

function textOf(body: Buffer, headers: IncomingMessage['headers']): string | null {
  return headers['content-type']?.startsWith('application/json') ? body.toString('utf8') : null;
}
