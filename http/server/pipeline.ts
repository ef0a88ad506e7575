/**
 * The steps of every request to the API:
 *
 *   id → single headers → key → address → permission → rate limit → path → query
 *      → body (≤ 1 MB, strict JSON, schema) → handler
 *
 * A refusal at any step is answered in the envelope; an outage of the store is a 503; a defect is a
 * 500 whose reason is logged under the request's id and shown nowhere else.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ErrorCode } from '../../contracts/error-codes.js';
import { pause } from '../../infra/concurrency/pause.js';
import type { Networks } from '../../infra/networks/networks.js';
import { readJson } from './json/strict-json.js';
import type { Log } from '../../infra/logger.js';
import type { Metrics } from '../../infra/metrics.js';
import type { Tracing } from '../../infra/tracing/port.js';
import type { Authenticator } from './auth.js';
import { HeldBytes, openByteBudget, releaseWhenTaken, type ByteBudget } from './byte-budget.js';
import { addressRefusal, permissionRefusal, roleRefusal } from './caller-refusals.js';
import type { Endpoint, Served } from './endpoint.js';
import { errorReply, refusalOf } from './envelope.js';
import { IncomingRequest } from './incoming-request.js';
import type { LateBodies } from './late-bodies.js';
import type { Match } from './matcher.js';
import { rateLimitHeaders, rateRefusal } from './rate-limit-headers.js';
import type { Admission, RateLimits } from './rate-limits.js';
import { openOwnTurns, type OwnTurn } from './one-a-turn.js';
import { announcesBody, HungUp, readBody } from './read-body.js';
import { contentRefusal, invalid, takeItems } from './json-body.js';
import { malformedDetail, readQuery, repeatedDetail } from './read-query.js';
import { repeatedHeader } from './repeated-header.js';
import { beginTrace, endTrace, labelOf, recordRequest } from './record-request.js';
import type { RefusalDelays } from './refusal-delays.js';
import { Refusal, type Caller, type Reply } from './route.js';
import { send } from './send.js';
import { streamBody } from './stream-body.js';
import { whilePermitted } from './while-permitted.js';

interface PipelineOptions {
  readonly authenticator: Authenticator;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'delayedRefusals' | 'httpSeconds'>;
  readonly refusalDelays: RefusalDelays;
  readonly now: () => number;
  /** Aborted, every answer ends its connection. */
  readonly closing: AbortSignal;
  /** What requests and answers may keep in memory; that of a process unless given. */
  readonly budget?: ByteBudget | undefined;
  readonly lateBodies: LateBodies;
  /** Without it, nobody is limited. */
  readonly rateLimits?: RateLimits | undefined;
  /** Whose `X-Forwarded-For` is believed; nobody's unless given. */
  readonly proxies?: Networks | undefined;
  /** Without it, nothing is traced. */
  readonly tracing?: Tracing | undefined;
}

/** How a path was matched. */
type Matched = Pick<Match<Served>, 'params' | 'malformed'>;

export interface Pipeline {
  /** Never rejects. */
  answer(
    served: Served,
    incoming: IncomingMessage,
    response: ServerResponse,
    match: Matched,
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
  readonly budget: ByteBudget;
  /** Waited for before a large body is read. */
  readonly ownTurn: OwnTurn;
}

/** To read and to check it takes a millisecond or more. */
const LARGE_BYTES = 64 * 1024;

const UNMATCHED: Matched = { params: {} };

export function openPipeline(options: PipelineOptions): Pipeline {
  const context = {
    ...options,
    lines: options.log.child({}, { redact: [] }),
    budget: options.budget ?? openByteBudget(),
    ownTurn: openOwnTurns(),
  };
  return {
    answer: (served, incoming, response, match) =>
      answer(context, served, incoming, response, match),
    answerUnmatched(incoming, response, allow) {
      const refusal =
        allow.length === 0
          ? new Refusal('NOT_FOUND')
          : new Refusal('METHOD_NOT_ALLOWED', undefined, undefined, { allow: allow.join(', ') });
      const unmatched = { path: 'unknown', isUnmatched: true, handle: async () => refusal };
      return answer(context, unmatched, incoming, response, UNMATCHED);
    },
  };
}

async function answer(
  context: Context,
  served: Served,
  incoming: IncomingMessage,
  response: ServerResponse,
  match: Matched,
): Promise<void> {
  const startedMs = performance.now();
  const request = new IncomingRequest(
    incoming,
    match.params,
    context.now(),
    response,
    context.closing,
    context.proxies,
  );
  const exchange: Exchange = {
    incoming,
    response,
    request,
    caller: undefined,
    admission: undefined,
    held: undefined,
    bodyBytes: 0,
  };
  if (context.tracing && 'route' in served) beginTrace(context.tracing, served, request);
  let answered: Reply | Refusal;
  try {
    answered = await answerOf(context, served, exchange, match.malformed);
  } catch (error) {
    if (error instanceof HungUp) {
      request.span?.end({}, 'hung up');
      exchange.held?.release();
      return;
    }
    answered = failure(context, served, error, request);
  }
  const tookMs = performance.now() - startedMs;
  if (answered instanceof Refusal) {
    const waitMs = delayOf(context, served, exchange, answered);
    if (waitMs > 0) {
      exchange.held?.release();
      await pause(waitMs, request.ended);
    }
    answered = errorReply(answered, request.requestId, incoming.headers.accept);
  }
  send(response, answered, {
    requestId: request.requestId,
    headers: exchange.admission && rateLimitHeaders(exchange.admission),
    close: context.closing.aborted,
    onBroken: (error: Error) => {
      context.log.error({ err: error, requestId: request.requestId }, 'a body broke off');
      response.destroy();
    },
  });
  if (exchange.held || response.writableLength > 0)
    releaseWhenTaken(heldBy(context, exchange), response);
  recordRequest(context, served, request, answered, exchange.caller, tookMs);
  if (request.span) endTrace(request.span, request, answered, exchange.caller);
}

/** One request on its way to its answer. */
interface Exchange {
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  readonly request: IncomingRequest;
  caller: Caller | undefined;
  admission: Admission | undefined;
  held: HeldBytes | undefined;
  /** Of a body that was read whole. */
  bodyBytes: number;
}

/** What nobody is known to send counts together. */
const heldBy = ({ budget }: Context, exchange: Exchange): HeldBytes =>
  (exchange.held ??= new HeldBytes(budget, exchange.caller?.organizationId ?? ''));

async function answerOf(
  context: Context,
  served: Served,
  exchange: Exchange,
  malformed: string | undefined,
): Promise<Reply | Refusal> {
  const { incoming, request } = exchange;
  const twice = repeatedHeader(incoming.rawHeaders);
  if (twice !== undefined) return repeated('The headers are not valid.', twice);
  if (!('route' in served)) {
    served.guard?.(incoming);
    const refusal = served.isUnmatched ? await admitUnmatched(context, exchange) : undefined;
    return refusal ?? served.handle(request);
  }
  const { authenticator } = context;
  if (served.route.audience === 'link') {
    const refusal = await prepare(context, served, exchange, malformed);
    return refusal ?? served.route.handle(request);
  }
  if (served.route.audience === 'operator') {
    const known = authenticator.operator(incoming);
    const operator = known instanceof Promise ? await known : known;
    request.actor = operator.actor;
    const refusal =
      roleRefusal(served.route, operator) ?? (await prepare(context, served, exchange, malformed));
    return refusal ?? served.route.handle(request);
  }
  const known = authenticator.tenant(incoming.headers.authorization);
  const caller = (exchange.caller = known instanceof Promise ? await known : known);
  request.actor = caller.keyId;
  // A key in the wrong hands does not use up its limit.
  const elsewhere = addressRefusal(request, caller);
  if (elsewhere) return elsewhere;
  const forbidden = permissionRefusal(served.route.permission, caller);
  const admitted = admit(context, exchange, caller, forbidden);
  const refused = admitted instanceof Promise ? await admitted : admitted;
  const refusal = refused ?? (await prepare(context, served, exchange, malformed));
  if (refusal || !served.isRead) return refusal ?? served.route.handle(request, caller);
  const { authorization } = incoming.headers;
  return whilePermitted(() => served.route.handle(request, caller), {
    look: async () => void (await authenticator.tenant(authorization)),
    cut: () => exchange.response.destroy(),
  });
}

const TENANT_PATH = /^(\/api)?\/v1\//;

/** A key that asks for what is not there is counted too; nobody needs one to be told so. */
async function admitUnmatched(context: Context, exchange: Exchange): Promise<Refusal | undefined> {
  const { incoming } = exchange;
  const { authorization } = incoming.headers;
  if (authorization === undefined || !TENANT_PATH.test(incoming.url ?? '')) return undefined;
  try {
    exchange.caller = await context.authenticator.tenant(authorization);
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
  if (addressRefusal(exchange.request, exchange.caller)) return undefined;
  return admit(context, exchange, exchange.caller, undefined);
}

/** Also what a key may not do is counted, and its answer shows the limits. */
function admit(
  { rateLimits }: Context,
  exchange: Exchange,
  caller: Caller,
  forbidden: Refusal | undefined,
): Refusal | undefined | Promise<Refusal | undefined> {
  const admitted = (admission: Admission | undefined) => {
    exchange.admission = admission;
    return forbidden ?? (admission?.isRefused ? rateRefusal(admission) : undefined);
  };
  const admission = rateLimits?.admit(caller);
  return admission instanceof Promise ? admission.then(admitted) : admitted(admission);
}

/** Path, query and body, or what is wrong with them. */
async function prepare(
  context: Context,
  { route, checkBody, checkQuery }: Endpoint,
  exchange: Exchange,
  malformed: string | undefined,
): Promise<Refusal | undefined> {
  const { incoming, response, request } = exchange;
  if (malformed !== undefined)
    return invalid('The path is not valid.', [malformedDetail(malformed)]);
  const { url = '' } = incoming;
  if (checkQuery || url.includes('?')) {
    const read = readQuery(url);
    if ('detail' in read) return invalid('The query is not valid.', [read.detail]);
    const details = checkQuery?.(read.values, url.length) ?? [];
    if (details.length > 0) return invalid('The query is not valid.', details);
    request.queryValues = read.values;
  }
  if (route.takesStream) {
    const { bodyMs: idleMs } = context.lateBodies;
    request.bodyStream = (bytesMax) => streamBody({ incoming, response, bytesMax, idleMs });
    return undefined;
  }
  if (route.takesRawBody) {
    const bytes = await readWhole(context, exchange);
    if (bytes instanceof Refusal) return bytes;
    request.rawBody = bytes;
    return undefined;
  }
  if (!checkBody) return undefined;
  if (route.isBodyOptional && !announcesBody(incoming)) {
    request.body = {};
    return undefined;
  }
  const typeRefusal = contentRefusal(incoming);
  if (typeRefusal) return typeRefusal;
  const { bodyItems } = route;
  const whole = await readWhole(context, exchange, bodyItems?.bytesMax);
  if (whole instanceof Refusal) return whole;
  exchange.bodyBytes = whole.length;
  const bytes = bodyItems ? await takeItems(request, whole, bodyItems) : whole;
  if (bytes instanceof Refusal) return bytes;
  if (bytes.length > LARGE_BYTES) await context.ownTurn(exchange.caller?.organizationId ?? '');
  const reading = readJson(bytes);
  if (!reading.ok) {
    const { code, message } = reading.problem;
    const field = 'body';
    return invalid(`The body is not acceptable JSON. ${message}`, [{ field, code, message }]);
  }
  const details = checkBody(reading.value, bytes.length);
  if (details.length > 0) return invalid('The body is not valid.', details);
  request.body = reading.value;
  return undefined;
}

function readWhole(
  context: Context,
  exchange: Exchange,
  bytesMax?: number,
): Promise<Buffer | Refusal> {
  const { incoming, response } = exchange;
  const { lateBodies: late } = context;
  return readBody({ incoming, response, held: heldBy(context, exchange), late, bytesMax });
}

const repeated = (message: string, field: string): Refusal =>
  invalid(message, [repeatedDetail(field)]);

function failure(
  { log }: PipelineOptions,
  served: Served,
  error: unknown,
  { requestId }: IncomingRequest,
): Refusal {
  const refusal = refusalOf(error);
  if (!refusal) log.error({ err: error, requestId, route: labelOf(served) }, 'a request failed');
  else if (refusal !== error)
    log.warn({ requestId, route: labelOf(served), reason: String(error) }, 'not available');
  return refusal ?? new Refusal('INTERNAL_ERROR');
}

/** What is refused before anything is done for it; a 404 or 409 may be how a client looks. */
const DELAYED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'UNAUTHORIZED',
  'FORBIDDEN',
  'INPUT_VALIDATION_ERROR',
  'PAYLOAD_TOO_LARGE',
  'METHOD_NOT_ALLOWED',
  'RATE_LIMITED',
]);

/** How long the refusal waits, by what its sender was refused lately. */
function delayOf(
  { refusalDelays, metrics }: Context,
  served: Served,
  { caller, request, bodyBytes }: Exchange,
  { code, headers }: Refusal,
): number {
  // What ends its connection has waited for that.
  if (headers?.['connection'] === 'close') return 0;
  const isUnmatched = !('route' in served) && served.isUnmatched === true;
  if (!DELAYED.has(code) && !isUnmatched) return 0;
  const waitMs = caller
    ? refusalDelays.ofOrganization(caller.organizationId, bodyBytes)
    : refusalDelays.ofAddress(request.ip, bodyBytes);
  if (waitMs > 0) metrics.delayedRefusals.inc({ sender: caller ? 'organization' : 'address' });
  return waitMs;
}
