/** Every tenant, newest first, with what stands on its account. */
import { listedOrganizationSchema } from '../../contracts/http/operator-views.js';
import { listOf, pageFields, queryObject } from '../../contracts/http/parts.js';
import { formatMoney } from '../../contracts/money.js';
import type { Route } from '../../http/server/route.js';
import { rowsOf } from '../../infra/read-store/reading.js';
import { amount, count, text, time, type Row } from '../../infra/read-store/table.js';
import { caughtUp } from '../caught-up.js';
import { cursorOf, listBody, pageOf } from '../cursor.js';
import type { QueryInfra } from '../query-infra.js';

const KIND = 'organizations';

const SQL = `
  SELECT o.id, o.name, o.created_at, o.position,
    coalesce(b.available_micros, 0) AS available_micros,
    coalesce(b.held_micros, 0) AS held_micros,
    (
      SELECT count(*) FROM readmodel.api_keys k
      WHERE k.organization_id = o.id AND k.revoked_at IS NULL
    ) AS api_keys
  FROM readmodel.organizations o
  LEFT JOIN readmodel.account_balances b ON b.organization_id = o.id
  WHERE $1::bigint IS NULL OR o.position < $1
  ORDER BY o.position DESC
  LIMIT $2`;

export const getOrganizations = (
  infra: Pick<QueryInfra, 'progress' | 'readStore' | 'store'>,
): Route => ({
  method: 'GET',
  path: '/organizations',
  summary: 'List organizations',
  tag: 'Organizations',
  audience: 'operator',
  querySchema: queryObject(pageFields),
  replySchemas: { 200: listOf('Organizations', listedOrganizationSchema) },
  async handle(request) {
    const { limit, after } = pageOf(request, KIND, ['position']);
    await caughtUp(infra, 'organizations');
    const values = [after?.[0] ?? null, limit + 1];
    const rows = await rowsOf(infra.readStore, { text: SQL, values });
    return { status: 200, body: listBody(rows, limit, bodyOf, placeOf) };
  },
});

const bodyOf = (row: Row) => ({
  id: text(row, 'id'),
  name: text(row, 'name'),
  created_at: time(row, 'created_at'),
  available: formatMoney(amount(row, 'available_micros')),
  held: formatMoney(amount(row, 'held_micros')),
  api_keys: count(row, 'api_keys'),
});

const placeOf = (row: Row): string => cursorOf(KIND, [`${amount(row, 'position')}`]);
