/** How far the processors are in the log. */
import { groupSchema } from '../../contracts/http/operations.js';
import { listOf, pageFields, queryObject } from '../../contracts/http/parts.js';
import type { Route } from '../../http/server/route.js';
import { listReply, pageOfWhole, type ListName } from '../cursor.js';
import { OPERATORS, type ListInfra, type QueryInfra } from '../query-infra.js';

type Given = Pick<QueryInfra, 'bus'> & Pick<ListInfra, 'cursors'>;

const LIST: ListName = ['groups', OPERATORS];

export const getGroups = ({ bus, cursors }: Given): Route => ({
  method: 'GET',
  path: '/groups',
  summary: 'Show how far processors are',
  description: 'Up to which position each has handled the log, and how many dead letters it has.',
  tag: 'Operations',
  audience: 'operator',
  querySchema: queryObject(pageFields),
  replySchemas: { 200: listOf('GroupList', groupSchema) },
  replyHeaders: ['Link'],
  async handle(request) {
    const items = await bus.lag();
    const page = pageOfWhole(cursors, request, LIST, { items, keyOf: ({ group }) => group });
    const data = page.data.map(({ group, checkpoint, head, deadLetters }) => ({
      group,
      checkpoint: checkpoint.toString(),
      head: head.toString(),
      parked: deadLetters,
    }));
    return listReply(request, { ...page, data });
  },
});
