/** The public timeline of an execution; webhooks carry the same numbers. */
import type { ExecutionEvent } from '../../contracts/events/execution.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import { timelineEntrySchema } from '../../contracts/http/executions.js';
import { listOf, pageFields, queryObject } from '../../contracts/http/parts.js';
import { isId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { timelineOf } from '../../domain/execution/timeline.js';
import { Refusal, type Route } from '../../http/server/route.js';
import { listBody, type ListName } from '../cursor.js';
import type { ListInfra } from '../query-infra.js';

export const getExecutionEvents = ({
  cursors,
  store,
}: Pick<ListInfra, 'cursors' | 'store'>): Route => ({
  method: 'GET',
  path: '/executions/{id}/events',
  summary: "Read an execution's timeline",
  description: 'What happened, oldest first, numbered from 1 without a gap.',
  tag: 'Executions',
  audience: 'tenant',
  permission: 'executions:read',
  querySchema: queryObject(pageFields),
  replySchemas: { 200: listOf('Timeline', timelineEntrySchema) },
  refusals: ['NOT_FOUND'],
  async handle(request, { organizationId }) {
    const { id = '' } = request.params;
    const list: ListName = ['timeline', organizationId, id];
    const { limit, after } = cursors.pageOf(request, list, ['number']);
    if (!isId('exec', id)) return new Refusal('NOT_FOUND');
    const events = await store.readStream(streamOf('execution', id));
    const [first, ...more] = timelineOf(events as readonly RecordedEvent<ExecutionEvent>[]);
    const owner = (events[0]?.data as ExecutionEvent['data'] | undefined)?.organizationId;
    if (!first || owner !== organizationId) return new Refusal('NOT_FOUND');
    const sequenceBefore = Number(after?.[0] ?? 0);
    const rest = [first, ...more].filter(({ sequence }) => sequence > sequenceBefore);
    const body = listBody(
      rest,
      limit,
      ({ revision: _, ...entry }) => entry,
      ({ sequence }) => cursors.cursorOf(list, [sequence]),
    );
    return { status: 200, body };
  },
});
