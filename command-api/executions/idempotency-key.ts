/**
 * The idempotency key of a request, from the header `Idempotency-Key` (bare, or quoted as the
 * structured field of the IETF draft) or the body's `idempotency_key`; where both are given they
 * must agree. One rule holds for both: 1 to 255 characters (code points), none of them a control
 * character, compared as they are.
 */
import { isUtf8 } from 'node:buffer';
import type { ApiRequest } from '../../http/server/route.js';
import { invalidField } from '../refusals.js';

const LENGTH_MAX = 255;
const FIELD = 'idempotency_key';

const CONTROL = /[\0-\x1f\x7f]/;

/** Throws a `Refusal` when the key is malformed; undefined when there is none. */
export function idempotencyKeyIn(
  request: Pick<ApiRequest, 'header'>,
  inBody: string | undefined,
): string | undefined {
  const header = request.header('idempotency-key');
  const inHeader = header === undefined ? undefined : plainText(header);
  if (inHeader !== undefined && inBody !== undefined && inHeader !== inBody)
    throw invalidField(FIELD, 'mismatch', 'differs from the header Idempotency-Key');
  const key = inHeader ?? inBody;
  return key === undefined ? undefined : ruled(key);
}

function ruled(key: string): string {
  if (CONTROL.test(key)) throw invalidField(FIELD, 'malformed', 'holds a control character');
  const isLong = key.length > LENGTH_MAX && [...key].length > LENGTH_MAX;
  if (key !== '' && !isLong) return key;
  const code = isLong ? 'max_length' : 'min_length';
  throw invalidField(FIELD, code, `must have 1 to ${LENGTH_MAX} characters`);
}

export function requireIdempotencyKey(
  request: Pick<ApiRequest, 'header'>,
  inBody: string | undefined,
): string {
  const key = idempotencyKeyIn(request, inBody);
  if (key !== undefined) return key;
  throw invalidField(FIELD, 'required', 'is required, as header Idempotency-Key or in the body');
}

const bare = /^[\x21\x23-\x7e]+$/;

function plainText(header: string): string {
  if (bare.test(header)) return header;
  return header.startsWith('"') ? unquoted(header) : decoded(header);
}

const quotedForm = /^"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"$/;

function unquoted(header: string): string {
  if (quotedForm.test(header)) return header.slice(1, -1).replaceAll(/\\(["\\])/g, '$1');
  throw invalidField(FIELD, 'malformed', 'is not a well-formed quoted string');
}

/** Node reads header bytes as Latin-1; beyond ASCII they are taken as the UTF-8 that was sent. */
function decoded(header: string): string {
  const bytes = Buffer.from(header, 'latin1');
  if (isUtf8(bytes)) return bytes.toString('utf8');
  throw invalidField(FIELD, 'malformed', 'is not ASCII or UTF-8');
}
