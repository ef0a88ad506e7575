/** The keys of operators that are not revoked, without the keys themselves. */
import { ALL_OPERATORS } from '../../contracts/events/operators.js';
import { operatorKeySchema } from '../../contracts/http/operator-keys.js';
import { listOf } from '../../contracts/http/parts.js';
import type { Route } from '../../http/server/route.js';
import type { QueryInfra } from '../query-infra.js';

export const getOperatorKeys = ({ operators }: Pick<QueryInfra, 'operators'>): Route => ({
  method: 'GET',
  path: '/operator-keys',
  summary: 'List the keys of operators',
  description: 'Those that are not revoked, with the role of each; never the keys themselves.',
  tag: 'Operators',
  audience: 'operator',
  needs: 'manage',
  replySchemas: { 200: listOf('OperatorKeyList', operatorKeySchema) },
  async handle() {
    const { state } = await operators.load(ALL_OPERATORS);
    const data = state.keys.map(({ keyId: id, name, role, hint, at: created_at }) => ({
      id,
      name,
      role,
      hint,
      created_at,
    }));
    return { status: 200, body: { data, next_cursor: null } };
  },
});
