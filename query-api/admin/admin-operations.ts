/** What the operator sees of processors: dead letters and lag. */
import { deadLetterSchema, groupSchema } from '../../contracts/http/operations.js';
import { listOf, queryObject, text } from '../../contracts/http/parts.js';
import type { Route } from '../../http/server/route.js';
import type { QueryInfra } from '../query-infra.js';

const TAG = 'Operations';

export const getDeadLetters = ({ bus }: Pick<QueryInfra, 'bus'>): Route => ({
  method: 'GET',
  path: '/dead-letters',
  summary: 'List dead letters',
  tag: TAG,
  audience: 'operator',
  querySchema: queryObject({ 'group?': text('Only of this processor.', 100) }),
  replySchemas: { 200: listOf('DeadLetterList', deadLetterSchema) },
  async handle(request) {
    const letters = await bus.deadLetters(request.query.get('group') ?? undefined);
    const data = letters.map(({ position, addedAt, ...rest }) => ({
      ...rest,
      position: position.toString(),
      parked_at: addedAt,
    }));
    return { status: 200, body: { data, next_cursor: null } };
  },
});

export const getGroups = ({ bus }: Pick<QueryInfra, 'bus'>): Route => ({
  method: 'GET',
  path: '/groups',
  summary: 'Show how far processors are',
  tag: TAG,
  audience: 'operator',
  replySchemas: { 200: listOf('GroupList', groupSchema) },
  async handle() {
    const lag = await bus.lag();
    const data = lag.map(({ group, checkpoint, head, deadLetters }) => ({
      group,
      checkpoint: checkpoint.toString(),
      head: head.toString(),
      parked: deadLetters,
    }));
    return { status: 200, body: { data, next_cursor: null } };
  },
});
