/** Every tenant, newest first, with the balance of its account. */
import type { Knex } from 'knex';
import { listedOrganizationSchema } from '../../contracts/http/operator-views.js';
import { listOf, pageFields, queryObject } from '../../contracts/http/parts.js';
import { formatMoney } from '../../contracts/money.js';
import type { Route } from '../../http/server/route.js';
import { questionOf, sql } from '../../infra/read-store/query-builder.js';
import { amount, count, text, time, type Row } from '../../infra/read-store/table.js';
import { caughtUp } from '../caught-up.js';
import { listBody, listReply, type ListName, type Page } from '../cursor.js';
import { OPERATORS, type ListInfra } from '../query-infra.js';

const LIST: ListName = ['organizations', OPERATORS];

export const getOrganizations = (infra: ListInfra): Route => ({
  method: 'GET',
  path: '/organizations',
  summary: 'List organizations',
  description: 'Newest first, each with its balance and its number of keys.',
  tag: 'Organizations',
  audience: 'operator',
  querySchema: queryObject(pageFields),
  replySchemas: { 200: listOf('Organizations', listedOrganizationSchema) },
  replyHeaders: ['Link'],
  async handle(request) {
    const { limit, after } = infra.cursors.pageOf(request, LIST, ['position']);
    await caughtUp(infra, 'organizations');
    const rows = await infra.reads.rows(OPERATORS, questionOf(queryOf(limit, after)));
    const cursorAt = (row: Row) => infra.cursors.cursorOf(LIST, [`${amount(row, 'position')}`]);
    return listReply(request, listBody(rows, limit, bodyOf, cursorAt));
  },
});

function queryOf(limit: number, after: Page['after']): Knex.QueryBuilder {
  const activeKeys = sql('readmodel.api_keys as k')
    .count()
    .whereRaw('?? = ??', ['k.organization_id', 'o.id'])
    .whereNull('k.revoked_at');
  const query = sql('readmodel.organizations as o')
    .leftJoin('readmodel.account_balances as b', 'b.organization_id', 'o.id')
    .select('o.id', 'o.name', 'o.created_at', 'o.position', activeKeys.as('api_keys'))
    .select(sql.raw('coalesce(b.available_micros, 0) AS available_micros'))
    .select(sql.raw('coalesce(b.held_micros, 0) AS held_micros'))
    .orderBy('o.position', 'desc')
    .limit(limit + 1);
  return after ? query.where('o.position', '<', String(after[0])) : query;
}

const bodyOf = (row: Row) => ({
  id: text(row, 'id'),
  name: text(row, 'name'),
  created_at: time(row, 'created_at'),
  available: formatMoney(amount(row, 'available_micros')),
  held: formatMoney(amount(row, 'held_micros')),
  api_keys: count(row, 'api_keys'),
});
