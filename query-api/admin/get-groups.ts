/** How far the processors are in the log. */
import { groupSchema } from '../../contracts/http/operations.js';
import { listOf } from '../../contracts/http/parts.js';
import type { Route } from '../../http/server/route.js';
import type { QueryInfra } from '../query-infra.js';

export const getGroups = ({ bus }: Pick<QueryInfra, 'bus'>): Route => ({
  method: 'GET',
  path: '/groups',
  summary: 'Show how far processors are',
  description: 'Up to which position each has handled the log, and how many dead letters it has.',
  tag: 'Operations',
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
