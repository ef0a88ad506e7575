/** An organization's open holds, newest first. */
import { holdSchema } from '../../contracts/http/billing.js';
import { listOf, pageFields, queryObject } from '../../contracts/http/parts.js';
import { formatMoney } from '../../contracts/money.js';
import type { Route } from '../../http/server/route.js';
import { questionOf, sql } from '../../infra/read-store/query-builder.js';
import { readHold, type HoldRow } from '../../infra/read-store/tables/billing.js';
import { caughtUp } from '../caught-up.js';
import { listBody, type ListName } from '../cursor.js';
import type { ListInfra } from '../query-infra.js';

export const getHolds = (infra: ListInfra): Route => ({
  method: 'GET',
  path: '/billing/holds',
  summary: 'List open holds',
  description: 'What is reserved now, and for which execution; newest first.',
  tag: 'Billing',
  audience: 'tenant',
  permission: 'billing:read',
  querySchema: queryObject(pageFields),
  replySchemas: { 200: listOf('Holds', holdSchema) },
  async handle(request, { organizationId }) {
    const { cursors } = infra;
    const list: ListName = ['holds', organizationId];
    const { limit, after } = cursors.pageOf(request, list, ['position']);
    await caughtUp(infra, 'holds');
    const query = sql('readmodel.holds')
      .where('organization_id', organizationId)
      .orderBy('position', 'desc')
      .limit(limit + 1);
    if (after) void query.where('position', '<', String(after[0]));
    const rows = await infra.reads.rows(organizationId, questionOf(query));
    const cursorAt = ({ position }: HoldRow) => cursors.cursorOf(list, [`${position}`]);
    return { status: 200, body: listBody(rows.map(readHold), limit, bodyOf, cursorAt) };
  },
});

const bodyOf = ({ holdId, executionId, amount, placedAt }: HoldRow) => ({
  id: holdId,
  execution_id: executionId,
  amount: formatMoney(amount),
  created_at: placedAt,
});
