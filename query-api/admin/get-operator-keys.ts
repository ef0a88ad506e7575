/** The keys of operators that are not revoked, without the keys themselves. */
import { ALL_OPERATORS } from '../../contracts/events/operators.js';
import { operatorKeySchema } from '../../contracts/http/operator-keys.js';
import { listOf, pageFields, queryObject } from '../../contracts/http/parts.js';
import type { Route } from '../../http/server/route.js';
import { listReply, pageOfWhole, type ListName } from '../cursor.js';
import { OPERATORS, type ListInfra, type QueryInfra } from '../query-infra.js';

type Given = Pick<QueryInfra, 'operators'> & Pick<ListInfra, 'cursors'>;

const LIST: ListName = ['operator-keys', OPERATORS];

export const getOperatorKeys = ({ cursors, operators }: Given): Route => ({
  method: 'GET',
  path: '/operator-keys',
  summary: 'List the keys of operators',
  description:
    'Those that are not revoked, the oldest first, with the role of each; never the keys.',
  tag: 'Operators',
  audience: 'operator',
  needs: 'manage',
  querySchema: queryObject(pageFields),
  replySchemas: { 200: listOf('OperatorKeyList', operatorKeySchema) },
  replyHeaders: ['Link'],
  async handle(request) {
    const { state } = await operators.load(ALL_OPERATORS);
    const keyOf = ({ at, keyId }: (typeof state.keys)[number]) => `${at} ${keyId}`;
    const page = pageOfWhole(cursors, request, LIST, { items: state.keys, keyOf });
    const data = page.data.map(({ keyId: id, name, role, hint, at: created_at }) => ({
      id,
      name,
      role,
      hint,
      created_at,
    }));
    return listReply(request, { ...page, data });
  },
});
