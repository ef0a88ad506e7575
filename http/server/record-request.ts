/** What is told of a request: a line of the log, an observation, a span. */
import type { Log } from '../../infra/logger.js';
import type { Metrics } from '../../infra/metrics.js';
import { traceparentIn, type Span, type Tracing } from '../../infra/tracing/port.js';
import type { Endpoint, Served } from './endpoint.js';
import type { IncomingRequest } from './incoming-request.js';
import type { Caller, Reply } from './route.js';

interface Recording {
  /** The log without its search for secrets: the fixed fields of a line have none. */
  readonly lines: Log;
  readonly metrics: Pick<Metrics, 'httpSeconds'>;
}

/** One line and one observation per request. */
export function recordRequest(
  { lines, metrics }: Recording,
  served: Served,
  request: IncomingRequest,
  { status, logFields }: Reply,
  caller: Caller | undefined,
  ms: number,
): void {
  const route = labelOf(served);
  metrics.httpSeconds.observe({ route, status }, ms / 1000);
  const level = isQuiet(served, status) ? 'debug' : 'info';
  if (!lines.isLevelEnabled(level)) return;
  const { requestId, method } = request;
  const by = caller && { organizationId: caller.organizationId, keyId: caller.keyId };
  const fields = { requestId, method, route, status, ms: Math.round(ms * 100) / 100 };
  lines[level]({ ...fields, ...by, ...logFields }, 'answered');
}

const isQuiet = (served: Served, status: number): boolean =>
  status < 400 && (!('route' in served) || served.isRead);

/** Its metric's label, of bounded number. */
export const labelOf = (served: Served): string =>
  'route' in served ? served.template : served.path;

export function beginTrace(
  tracing: Tracing,
  { route, template }: Endpoint,
  request: IncomingRequest,
): void {
  const parent = traceparentIn(request.header('traceparent'));
  request.span = tracing.begin(`${route.method} ${template}`, { parent, kind: 'server' });
}

export function endTrace(
  span: Span,
  { method, requestId }: IncomingRequest,
  { status, logFields }: Reply,
  caller: Caller | undefined,
): void {
  const attributes = {
    'http.request.method': method,
    'http.response.status_code': status,
    'modelroute.request_id': requestId,
    'modelroute.organization_id': caller?.organizationId,
    'modelroute.execution_id': logFields?.['executionId'],
  };
  span.end(attributes, status >= 500 ? String(status) : undefined);
}
