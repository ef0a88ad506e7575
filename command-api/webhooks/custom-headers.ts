/**
 * Custom headers of an endpoint, as they were given: form and length of each are checked by the
 * schema; here, which names may be set at all. Each refusal names its header.
 */
import { HEADERS_LENGTH_MAX } from '../../contracts/http/webhook-endpoints.js';
import { MASK } from '../../command-handling/endpoint-body.js';
import type { CustomHeaders } from '../../command-handling/endpoint-headers.js';
import { invalidField } from '../refusals.js';

/**
 * What belongs to the connection (RFC 9110, 7.6.1), to the message's framing and form, or to us:
 * signatures, and the trace that a delivery is part of.
 */
const RESERVED = new Set([
  'accept-encoding',
  'baggage',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'date',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'te',
  'traceparent',
  'tracestate',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
]);
const RESERVED_PREFIXES = ['proxy-', 'webhook-', 'x-signature', 'sec-', ':'];

/**
 * Undefined for none. Throws a `Refusal`. A value that was read as a mask, and comes back so, stays
 * the one of `before`.
 */
export function customHeadersIn(
  given: CustomHeaders | null | undefined,
  before: CustomHeaders = {},
): CustomHeaders | undefined {
  const entries = Object.entries(given ?? {});
  if (entries.length === 0) return undefined;
  const seen = new Set<string>();
  for (const [name] of entries) refuseName(name, seen);
  const headers = Object.fromEntries(
    entries.map(([name, value]) => [
      name,
      value === MASK ? (valueOf(before, name) ?? value) : value,
    ]),
  );
  const length = Object.entries(headers).flat().join('').length;
  if (length <= HEADERS_LENGTH_MAX) return headers;
  throw invalidField('headers', 'max_length', `may have ${HEADERS_LENGTH_MAX} characters in all`);
}

/** Not of the prototype. */
const valueOf = (headers: CustomHeaders, name: string): string | undefined =>
  Object.hasOwn(headers, name) ? headers[name] : undefined;

function refuseName(name: string, seen: Set<string>): void {
  const lower = name.toLowerCase();
  if (RESERVED.has(lower) || RESERVED_PREFIXES.some((prefix) => lower.startsWith(prefix)))
    throw invalidField(`headers.${name}`, 'reserved', 'is set by the system and cannot be chosen');
  if (seen.has(lower))
    throw invalidField(`headers.${name}`, 'repeated', 'is there twice, in other letters');
  seen.add(lower);
}
