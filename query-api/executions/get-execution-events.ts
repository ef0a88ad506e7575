/** The public timeline of an execution, as a list or live; webhooks carry the same numbers. */
import type { ExecutionEvent } from '../../contracts/events/execution.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import { timelineEntrySchema } from '../../contracts/http/executions.js';
import { listOf, pageFields, queryObject, withExample } from '../../contracts/http/parts.js';
import type { ExecutionId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { timelineOf, type TimelineEntry } from '../../domain/execution/timeline.js';
import { isOver } from '../../domain/execution/view.js';
import { preferred } from '../../http/server/accept.js';
import { lastEventIdOf } from '../../http/server/event-stream.js';
import {
  Refusal,
  type ApiRequest,
  type Caller,
  type Reply,
  type Route,
} from '../../http/server/route.js';
import type { EventStore } from '../../infra/event-store/port.js';
import { listBody, listReply, type ListName } from '../cursor.js';
import type { ListInfra } from '../query-infra.js';
import type { Current } from './current.js';
import { ownExecution } from './own-execution.js';
import { entryBody, timelineStream } from './timeline-stream.js';
import { WATCHES_SHARE_MAX, type WatchedExecutions } from './watched-executions.js';

const EVENT_STREAM = 'text/event-stream';
const OFFER: readonly [string, string] = ['application/json', EVENT_STREAM];

const STREAM_EXAMPLE =
  'retry: 2000\n\nid: 1\nevent: execution.accepted\ndata: {"sequence":1,' +
  '"type":"execution.accepted","status":"PENDING","at":"2026-01-31T12:00:00.000Z"}\n\n';

type Infra = Pick<ListInfra, 'cursors' | 'store'>;

export const getExecutionEvents = (
  infra: Infra,
  current: Current,
  watched: WatchedExecutions,
): Route => ({
  method: 'GET',
  path: '/executions/{id}/events',
  summary: "Read an execution's timeline",
  description:
    'What happened, oldest first, numbered from 1 without a gap. ' +
    'With `Accept: text/event-stream` the entries come as they happen, as server-sent events: ' +
    '`id` is the sequence, `event` the type, `data` the entry. An event `end` without an id is ' +
    'the last one, after which the stream closes. `Last-Event-ID` resumes it without a gap; a ' +
    'reader who has the whole timeline is answered `204`. A comment every 15 seconds keeps the ' +
    'connection, which ends after a quarter of an hour, and with its key: connect again. ' +
    `At most ${WATCHES_SHARE_MAX} streams and waiting reads of an organization are served by a ` +
    'process. `limit` and `cursor` are of the list alone.',
  tag: 'Executions',
  audience: 'tenant',
  permission: 'executions:read',
  querySchema: queryObject(pageFields),
  headers: {
    Accept: '`text/event-stream` for the live timeline.',
    'Last-Event-ID': 'Of a stream: the last `id` that its reader has.',
  },
  replySchemas: {
    200: listOf('Timeline', timelineEntrySchema),
    204: 'A stream has nothing more: the execution is over, and its reader has all of it.',
  },
  replyTypes: { [EVENT_STREAM]: withExample({ type: 'string' }, STREAM_EXAMPLE) },
  replyHeaders: ['Link'],
  refusals: ['NOT_FOUND', 'RATE_LIMITED'],
  async handle(request, caller) {
    // The whole timeline of another organization's would take longer to read than of none.
    if (!(await ownExecution(current, request, caller))) return new Refusal('NOT_FOUND');
    return preferred(request.header('accept'), OFFER) === EVENT_STREAM
      ? streamFor(infra, watched, request, caller)
      : listFor(infra, request, caller);
  },
});

async function listFor(
  { cursors, store }: Infra,
  request: ApiRequest,
  { organizationId }: Caller,
): Promise<Reply | Refusal> {
  const { id = '' } = request.params;
  const list: ListName = ['timeline', organizationId, id];
  const { limit, after } = cursors.pageOf(request, list, ['number']);
  const timeline = await timelineIn(store, id);
  const sequenceBefore = Number(after?.[0] ?? 0);
  const rest = timeline.filter(({ sequence }) => sequence > sequenceBefore);
  const cursorAt = ({ sequence }: TimelineEntry) => cursors.cursorOf(list, [sequence]);
  return listReply(request, listBody(rest, limit, entryBody, cursorAt));
}

async function streamFor(
  { store }: Infra,
  watched: WatchedExecutions,
  request: ApiRequest,
  { organizationId }: Caller,
): Promise<Reply | Refusal> {
  const { id = '' } = request.params;
  for (const name of ['limit', 'cursor']) if (request.query.has(name)) return ofTheList(name);
  const sequenceBefore = lastEventIdOf(request);
  if (sequenceBefore === undefined) return noSequence();
  const read = () => timelineIn(store, id);
  const last = (await read()).at(-1);
  if (!last) throw new Error(`${id} has vanished from the log`);
  if (isOver(last.status) && sequenceBefore >= last.sequence) return { status: 204 };
  const watch = await watched.watch(organizationId, id as ExecutionId);
  if (watch === 'process') return new Refusal('SERVICE_UNAVAILABLE');
  if (watch === 'share') return tooManyStreams();
  return timelineStream({ watch, read, sequenceBefore, ended: request.ended });
}

async function timelineIn(store: EventStore, id: string): Promise<readonly TimelineEntry[]> {
  const events = await store.readStream(streamOf('execution', id));
  return timelineOf(events as readonly RecordedEvent<ExecutionEvent>[]);
}

const ofTheList = (field: string): Refusal =>
  new Refusal('INPUT_VALIDATION_ERROR', 'The query is not valid.', [
    { field, code: 'unsupported', message: 'is of the list, not of the stream' },
  ]);

const noSequence = (): Refusal =>
  new Refusal('INPUT_VALIDATION_ERROR', 'The headers are not valid.', [
    { field: 'last-event-id', code: 'pattern', message: 'is no id of this stream' },
  ]);

const tooManyStreams = (): Refusal =>
  new Refusal('RATE_LIMITED', undefined, [
    {
      code: 'open_streams',
      message: `${WATCHES_SHARE_MAX} streams and waiting reads of this organization are open`,
    },
  ]);
