/** The metadata of a command that an HTTP request asks for. */
import { isUtf8 } from 'node:buffer';
import type { CommandMetadata } from '../command-handling/command-metadata.js';
import type { ApiRequest } from '../http/server/route.js';
import { invalidField } from './refusals.js';

export function metadataOf(
  request: ApiRequest,
  actor: string,
  correlationId: string,
): CommandMetadata {
  const { traceparent } = request;
  return {
    actor,
    correlationId,
    causationId: request.requestId,
    ip: request.ip,
    ...(traceparent !== undefined && { traceparent }),
  };
}

/** With the operator's own words for why, from the header `X-Reason`. Throws a `Refusal`. */
export function operatorMetadata(request: ApiRequest, correlationId: string): CommandMetadata {
  const reason = reasonIn(request.header(REASON));
  const metadata = metadataOf(request, request.actor, correlationId);
  return reason === undefined ? metadata : { ...metadata, reason };
}

const REASON = 'x-reason';
const REASON_LENGTH_MAX = 500;

/** Node reads headers as Latin-1; people write them in UTF-8. */
function reasonIn(header: string | undefined): string | undefined {
  if (header === undefined || header === '') return undefined;
  const bytes = Buffer.from(header, 'latin1');
  if (!isUtf8(bytes)) throw invalidField(REASON, 'format', 'must be UTF-8');
  const reason = bytes.toString();
  if (reason.length > REASON_LENGTH_MAX)
    throw invalidField(REASON, 'too_long', `must have at most ${REASON_LENGTH_MAX} characters`);
  return reason;
}
