/** The notifications that processors gave up after their bounded attempts. */
import { deadLetterSchema } from '../../contracts/http/operations.js';
import { listOf, queryObject, text, withExample } from '../../contracts/http/parts.js';
import type { Route } from '../../http/server/route.js';
import type { QueryInfra } from '../query-infra.js';

export const getDeadLetters = ({ bus }: Pick<QueryInfra, 'bus'>): Route => ({
  method: 'GET',
  path: '/dead-letters',
  summary: 'List dead letters',
  description:
    'Notifications that a processor gave up after its attempts. Each can be delivered ' + 'again.',
  tag: 'Operations',
  audience: 'operator',
  querySchema: queryObject({
    'group?': withExample(text('Only of this processor.', 100), 'settle-execution'),
  }),
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
