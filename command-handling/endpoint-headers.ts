/**
 * Custom headers of an endpoint, sealed where they are stored: their values may be credentials of
 * the receiver, and the log is for ever.
 */
import type { WebhookEndpointId } from '../contracts/ids.js';
import { sealed, unsealed } from '../infra/sealed.js';
import type { Secrets } from '../infra/secrets.js';

/** In the order and the letters in which they were given. */
export type CustomHeaders = Readonly<Record<string, string>>;

type Key = Pick<Secrets, 'endpointHeadersKey'>;

/** Values of ASCII. The same headers of one endpoint become the same text. */
export const sealedHeaders = (
  { endpointHeadersKey }: Key,
  endpointId: WebhookEndpointId,
  headers: CustomHeaders,
): string => sealed(endpointHeadersKey, endpointId, JSON.stringify(headers));

/** Throws where they were sealed under another master key. */
export function customHeadersOf(
  { endpointHeadersKey }: Key,
  endpoint: { readonly endpointId: WebhookEndpointId; readonly headers?: string },
): CustomHeaders {
  if (endpoint.headers === undefined) return {};
  const text = unsealed(endpointHeadersKey, endpoint.endpointId, endpoint.headers);
  if (text !== undefined) return JSON.parse(text) as CustomHeaders;
  throw new Error(`the headers of ${endpoint.endpointId} were sealed under another master key`);
}
