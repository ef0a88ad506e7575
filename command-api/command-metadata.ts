/** The metadata of a command that an HTTP request asks for. */
import type { CommandMetadata } from '../command-handling/command-metadata.js';
import type { ApiRequest } from '../http/server/route.js';

/** W3C Trace Context, version 00. */
const traceparentForm = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

export function metadataOf(
  request: ApiRequest,
  actor: string,
  correlationId: string,
): CommandMetadata {
  const traceparent = request.header('traceparent');
  return {
    actor,
    correlationId,
    causationId: request.requestId,
    ip: request.ip,
    ...(traceparent !== undefined && traceparentForm.test(traceparent) && { traceparent }),
  };
}

export const operatorMetadata = (request: ApiRequest, correlationId: string): CommandMetadata =>
  metadataOf(request, 'operator', correlationId);
