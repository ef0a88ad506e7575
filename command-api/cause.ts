/** Who asked for what is about to be recorded. */
import type { Cause } from '../command-handling/transact.js';
import type { ApiRequest } from '../http/server/route.js';

/** W3C Trace Context, version 00. */
const traceparentForm = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

export function causeOf(request: ApiRequest, actor: string, correlationId: string): Cause {
  const traceparent = request.header('traceparent');
  return {
    actor,
    correlationId,
    causationId: request.requestId,
    ip: request.ip,
    ...(traceparent !== undefined && traceparentForm.test(traceparent) && { traceparent }),
  };
}

export const operatorCause = (request: ApiRequest, correlationId: string): Cause =>
  causeOf(request, 'operator', correlationId);
