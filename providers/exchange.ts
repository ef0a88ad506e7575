/** One call of a configured provider: one deadline for all of it, and no more kept than allowed. */
import { collect } from '../http/client/collect.js';
import type { Ended } from '../http/client/ended.js';
import type { ExchangeRequest } from '../http/client/exchange.js';
import type { Endpoint } from './endpoints.js';

/** `path` is below the endpoint's base path. */
interface Sending extends ExchangeRequest {
  readonly bytesMax: number;
}

/** Of an answer that is an error, so much is read for its code; the rest is not waited for. */
export const ERROR_BYTES_MAX = 64 * 1024;

export function exchange({ source, basePath }: Endpoint, sending: Sending): Promise<Ended> {
  const { method, path, headers, body, timeoutMs, signal, bytesMax } = sending;
  const request = { method, path: basePath + path, headers, body, timeoutMs, signal };
  const limits = { bytesMax, errorBytesMax: ERROR_BYTES_MAX, refusesAnnounced: true };
  return collect(source, request, limits);
}
