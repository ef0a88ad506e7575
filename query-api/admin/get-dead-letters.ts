/** The notifications that processors gave up after their bounded attempts. */
import { deadLetterSchema } from '../../contracts/http/operations.js';
import { listOf, pageFields, queryObject, text, withExample } from '../../contracts/http/parts.js';
import type { DeadLetter } from '../../infra/checkpoints/port.js';
import type { Route } from '../../http/server/route.js';
import { listBody, listReply, type ListName } from '../cursor.js';
import { OPERATORS, type ListInfra, type QueryInfra } from '../query-infra.js';

type Given = Pick<QueryInfra, 'bus'> & Pick<ListInfra, 'cursors'>;

export const getDeadLetters = ({ bus, cursors }: Given): Route => ({
  method: 'GET',
  path: '/dead-letters',
  summary: 'List dead letters',
  description:
    'Notifications that a processor gave up after its attempts, in the order of the log. Each ' +
    'can be delivered again.',
  tag: 'Operations',
  audience: 'operator',
  querySchema: queryObject({
    ...pageFields,
    'group?': withExample(text('Only of this processor.', 100), 'settle-execution'),
  }),
  replySchemas: { 200: listOf('DeadLetterList', deadLetterSchema) },
  replyHeaders: ['Link'],
  async handle(request) {
    const group = request.query.get('group') ?? undefined;
    const list: ListName = ['dead-letters', OPERATORS, group ?? ''];
    const { limit, after } = cursors.pageOf(request, list, ['position', 'text']);
    const behind = after && { position: BigInt(after[0]!), group: String(after[1]) };
    const letters = await bus.deadLetters(group, { limit: limit + 1, after: behind });
    const cursorAt = (letter: DeadLetter) =>
      cursors.cursorOf(list, [`${letter.position}`, letter.group]);
    return listReply(request, listBody(letters, limit, letterBody, cursorAt));
  },
});

const letterBody = ({ position, addedAt, ...rest }: DeadLetter) => ({
  ...rest,
  position: position.toString(),
  parked_at: addedAt,
});
