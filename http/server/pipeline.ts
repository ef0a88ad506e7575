/**
 * The steps of every request to the API:
 *
 *   id → single headers → key → permission → query → body (≤ 1 MB, strict JSON, schema) → handler
 *
 * A refusal at any step is answered in the envelope; an outage of the store is a 503; a defect is a
 * 500 whose reason is logged under the request's id and shown nowhere else.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ErrorDetail } from '../../contracts/error-codes.js';
import { readJson } from './json/strict-json.js';
import type { Log } from '../../infra/logger.js';
import type { Metrics } from '../../infra/metrics.js';
import type { Authenticator } from './auth.js';
import type { Endpoint, Served } from './endpoint.js';
import { errorReply, refusalOf } from './envelope.js';
import { IncomingRequest } from './incoming-request.js';
import { BODY_BYTES_MAX, HungUp, readBody } from './read-body.js';
import { repeatedHeader } from './repeated-header.js';
import { Refusal, type Caller, type Reply } from './route.js';
import { send, sendAndDrain } from './send.js';

interface PipelineOptions {
  readonly authenticator: Authenticator;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'httpSeconds'>;
  readonly now: () => number;
  /** True when every answer ends its connection. */
  readonly isClosing: () => boolean;
}

type Params = Readonly<Record<string, string>>;

export interface Pipeline {
  /** Never rejects. */
  answer(
    served: Served,
    incoming: IncomingMessage,
    response: ServerResponse,
    params: Params,
  ): Promise<void>;
  /** For a path that nothing answers (`allow` is empty), or not by this method. */
  answerUnmatched(
    incoming: IncomingMessage,
    response: ServerResponse,
    allow: readonly string[],
  ): Promise<void>;
}

/** `lines` is the log without its search for secrets: the fixed fields of a line have none. */
interface Context extends PipelineOptions {
  readonly lines: Log;
}

export function openPipeline(options: PipelineOptions): Pipeline {
  const context = { ...options, lines: options.log.child({}, { redact: [] }) };
  return {
    answer: (served, incoming, response, params) =>
      answer(context, served, incoming, response, params),
    answerUnmatched(incoming, response, allow) {
      const refusal =
        allow.length === 0
          ? new Refusal('NOT_FOUND')
          : new Refusal('METHOD_NOT_ALLOWED', undefined, undefined, { allow: allow.join(', ') });
      const unmatched = { path: 'unknown', handle: async () => refusal };
      return answer(context, unmatched, incoming, response, {});
    },
  };
}

async function answer(
  context: Context,
  served: Served,
  incoming: IncomingMessage,
  response: ServerResponse,
  params: Params,
): Promise<void> {
  const startedMs = performance.now();
  const request = new IncomingRequest(incoming, params, context.now());
  let caller: Caller | undefined;
  let reply: Reply;
  let drain = false;
  try {
    let answered: Reply | Refusal;
    const twice = repeatedHeader(incoming.rawHeaders);
    if (!('route' in served)) answered = await served.handle(request);
    else if (twice !== undefined) answered = repeated('The headers are not valid.', twice);
    else if (served.route.audience === 'operator') {
      context.authenticator.requireOperator(incoming);
      const refusal = await prepare(served, incoming, request);
      answered = refusal ?? (await served.route.handle(request));
    } else {
      const known = context.authenticator.tenant(incoming.headers.authorization);
      caller = known instanceof Promise ? await known : known;
      answered =
        permissionRefusal(served.route.permission, caller) ??
        (await prepare(served, incoming, request)) ??
        (await served.route.handle(request, caller));
    }
    if (answered instanceof Refusal) {
      drain = answered.code === 'PAYLOAD_TOO_LARGE';
      reply = errorReply(answered, request.requestId, incoming.headers.accept);
    } else reply = answered;
  } catch (error) {
    if (error instanceof HungUp) return;
    reply = failure(context, served, error, request, incoming);
  }
  const sending = {
    requestId: request.requestId,
    close: context.isClosing(),
    onBroken: (error: Error) => {
      context.log.error({ err: error, requestId: request.requestId }, 'a body broke off');
      response.destroy();
    },
  };
  if (drain) sendAndDrain(incoming, response, reply, sending);
  else send(response, reply, sending);
  record(context, served, request, reply, caller, performance.now() - startedMs);
}

function permissionRefusal(needed: string, { permission }: Caller): Refusal | undefined {
  return needed === 'FULL' && permission !== 'FULL' ? new Refusal('FORBIDDEN') : undefined;
}

/** Body and query, or what is wrong with them. */
async function prepare(
  { checkBody, checkQuery }: Endpoint,
  incoming: IncomingMessage,
  request: IncomingRequest,
): Promise<Refusal | undefined> {
  if (checkQuery) {
    const values = Object.create(null) as Record<string, unknown>;
    const twice = collectQuery(request.query, values);
    if (twice !== undefined) return repeated('The query is not valid.', twice.slice(0, 64));
    const details = checkQuery(values);
    if (details.length > 0) return invalid('The query is not valid.', details);
    request.queryValues = values;
  }
  if (!checkBody) return undefined;
  const typeRefusal = contentRefusal(incoming);
  if (typeRefusal) return typeRefusal;
  const bytes = await readBody(incoming);
  if (!bytes)
    return new Refusal('PAYLOAD_TOO_LARGE', `A body may have at most ${BODY_BYTES_MAX} bytes.`);
  const reading = readJson(bytes);
  if (!reading.ok) {
    const { code, message } = reading.problem;
    return invalid('The body is not acceptable JSON.', [{ field: 'body', code, message }]);
  }
  const details = checkBody(reading.value);
  if (details.length > 0) return invalid('The body is not valid.', details);
  request.body = reading.value;
  return undefined;
}

const repeated = (message: string, field: string): Refusal =>
  invalid(message, [{ field, code: 'repeated', message: 'is given twice' }]);

const invalid = (message: string, details: readonly ErrorDetail[]): Refusal =>
  new Refusal('INPUT_VALIDATION_ERROR', message, details);

/** The name of a parameter that is given twice, if there is one. */
function collectQuery(query: URLSearchParams, values: Record<string, unknown>): string | undefined {
  for (const [name, value] of query) {
    if (name in values) return name;
    values[name] = value;
  }
  return undefined;
}

const jsonType = /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i;

function contentRefusal({ headers }: IncomingMessage): Refusal | undefined {
  const type = headers['content-type'];
  if (type !== undefined && type !== 'application/json' && !jsonType.test(type))
    return unsupported('content-type', 'The body must be application/json in UTF-8.');
  if (headers['content-encoding'] !== undefined)
    return unsupported('content-encoding', 'The body must not be encoded.');
  return undefined;
}

const unsupported = (field: string, message: string): Refusal =>
  invalid(message, [{ field, code: 'unsupported', message }]);

function failure(
  { log }: PipelineOptions,
  served: Served,
  error: unknown,
  { requestId }: IncomingRequest,
  { headers }: IncomingMessage,
): Reply {
  const refusal = refusalOf(error);
  if (!refusal) log.error({ err: error, requestId, route: labelOf(served) }, 'a request failed');
  else if (refusal !== error)
    log.warn({ requestId, route: labelOf(served), reason: String(error) }, 'not available');
  return errorReply(refusal ?? new Refusal('INTERNAL_ERROR'), requestId, headers.accept);
}

const labelOf = (served: Served): string => ('route' in served ? served.template : served.path);

/** One line and one observation per request. */
function record(
  { lines, metrics }: Context,
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
