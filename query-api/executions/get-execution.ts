/** One execution, as it is now, or as soon as it is over. */
import { isId, type ExecutionId } from '../../contracts/ids.js';
import { asOfField } from '../../contracts/http/as-of.js';
import { executionSchema } from '../../contracts/http/execution.js';
import { queryObject } from '../../contracts/http/parts.js';
import { isOver, type ExecutionBody } from '../../domain/execution/view.js';
import { tagged } from '../../http/server/etag.js';
import { waitSecondsOf, WAIT_SECONDS_MAX } from '../../http/server/prefer.js';
import {
  Refusal,
  type ApiRequest,
  type Caller,
  type Reply,
  type Route,
} from '../../http/server/route.js';
import { tenantCut, type AsOfInfra } from '../as-of/asked.js';
import type { Cut } from '../as-of/cut.js';
import { executionThen } from '../as-of/execution-then.js';
import type { Current, CurrentExecution } from './current.js';
import { ownExecution } from './own-execution.js';
import type { QueuedAhead } from './queued-ahead.js';
import type { WatchedExecutions } from './watched-executions.js';

interface Reading {
  readonly asOf: AsOfInfra;
  readonly current: Current;
  readonly queuedAhead: QueuedAhead;
  readonly watched: WatchedExecutions;
}

export const getExecution = (reading: Reading): Route => ({
  method: 'GET',
  path: '/executions/{id}',
  summary: 'Read an execution',
  description:
    'Right after the `202` it is found too. ' +
    'It has `cost` once it completed, and `error` once it failed. ' +
    'With `Prefer: wait=N` the answer comes as soon as the execution is over, or after N seconds ' +
    `(at most ${WAIT_SECONDS_MAX}), whichever is first; \`Preference-Applied\` says that it was ` +
    'so. Without that header it came at once, because too many reads of yours wait already. With ' +
    '`If-None-Match` an execution that has not changed is answered `304`, when the wait is over. ' +
    'With `as_of` it is as it was then, at once, without `queued_ahead`.',
  tag: 'Executions',
  audience: 'tenant',
  permission: 'executions:read',
  querySchema: queryObject(asOfField),
  headers: {
    Prefer: '`wait=N`: answer when it is over, or after N seconds.',
    'If-None-Match': 'The `ETag` of an answer before.',
  },
  replySchemas: { 200: executionSchema, 304: 'It is as `If-None-Match` says.' },
  replyHeaders: ['ETag', 'Preference-Applied'],
  refusals: ['NOT_FOUND'],
  async handle(request, caller) {
    const cut = await tenantCut(reading.asOf, request, caller.organizationId);
    if (cut) return replyThen(reading, request, caller, cut);
    const now = await ownExecution(reading.current, request, caller);
    if (!now) return new Refusal('NOT_FOUND');
    const seconds = waitSecondsOf(request.header('prefer')) ?? 0;
    const waited =
      seconds > 0 ? await waitedFor(reading, request, caller, now, seconds) : undefined;
    const ifNoneMatch = request.header('if-none-match');
    const reply = await replyOf(waited ?? now, reading.queuedAhead, ifNoneMatch);
    if (!waited) return reply;
    return { ...reply, headers: { ...reply.headers, 'preference-applied': `wait=${seconds}` } };
  },
});

/** It waits for nothing: what was then does not change. */
async function replyThen(
  { asOf }: Reading,
  request: ApiRequest,
  { organizationId }: Caller,
  cut: Cut,
): Promise<Reply | Refusal> {
  const { id = '' } = request.params;
  const then = isId('exec', id) && (await executionThen(asOf, id as ExecutionId, cut));
  if (!then || then.view.organizationId !== organizationId) return new Refusal('NOT_FOUND');
  const isErased = then.view.body.payloads_erased_at !== undefined;
  const tag = `${then.revision}${isErased ? '-erased' : ''}-then`;
  const reply = { status: 200, body: then.view.body };
  return tagged({ tag, ifNoneMatch: request.header('if-none-match') }, reply);
}

/** Undefined where too many wait already. */
async function waitedFor(
  { current, watched }: Reading,
  request: ApiRequest,
  caller: Caller,
  now: CurrentExecution,
  seconds: number,
): Promise<CurrentExecution | undefined> {
  if (isOver(now.status)) return now;
  const endsAtMs = performance.now() + seconds * 1_000;
  const watch = await watched.watch(caller.organizationId, request.params['id'] as ExecutionId);
  if (typeof watch === 'string') return undefined;
  try {
    for (let latest = now; ;) {
      latest = (await ownExecution(current, request, caller)) ?? latest;
      const leftMs = endsAtMs - performance.now();
      if (isOver(latest.status) || leftMs <= 0 || request.ended.aborted) return latest;
      await watch.changed(leftMs, request.ended);
    }
  } finally {
    watch.leave();
  }
}

/** An erasure is the one thing that changes what is over, and no event of its own stream. */
const tagOf = (revision: number, bodyText: string): string =>
  ERASED.test(bodyText) ? `${revision}-erased` : String(revision);

/** It is the last field. */
const ERASED = /,"payloads_erased_at":"[^"]*"\}$/;

/** While it waits its place in the queue changes, though no event says so. */
async function replyOf(
  { organizationId, status, revision, bodyText }: CurrentExecution,
  queuedAhead: QueuedAhead,
  ifNoneMatch: string | undefined,
) {
  if (status !== 'PENDING')
    return tagged({ tag: tagOf(revision, bodyText), ifNoneMatch }, { status: 200, raw: bodyText });
  const body = JSON.parse(bodyText) as ExecutionBody;
  const ahead = await queuedAhead(organizationId, body);
  const tag = `${revision}-${ahead}`;
  return tagged({ tag, ifNoneMatch }, { status: 200, body: { ...body, queued_ahead: ahead } });
}
