/** An organization's webhook deliveries, newest first. */
import { deliveriesQuery, deliveryListSchema } from '../../contracts/http/deliveries.js';
import type { OrganizationId } from '../../contracts/ids.js';
import type { ApiRequest, Route } from '../../http/server/route.js';
import { questionOf, sql } from '../../infra/read-store/query-builder.js';
import { readDelivery, type DeliveryRow } from '../../infra/read-store/tables/deliveries.js';
import { caughtUp } from '../caught-up.js';
import { createdRangeOf, whereInRange } from '../created-range.js';
import { listBody, listReply, type ListName, type Page, type Place } from '../cursor.js';
import type { ListInfra } from '../query-infra.js';
import { deliveryBody } from './delivery-body.js';

export const getDeliveries = (infra: ListInfra): Route => ({
  method: 'GET',
  path: '/webhooks/deliveries',
  summary: 'List webhook deliveries',
  description:
    'Newest first. Filters are joined by AND. What an inactive endpoint would have got is there ' +
    'too, as `EXHAUSTED` with the cause `endpoint_inactive`.',
  tag: 'Webhooks',
  audience: 'tenant',
  permission: 'webhooks:read',
  querySchema: deliveriesQuery,
  replySchemas: { 200: deliveryListSchema },
  replyHeaders: ['Link'],
  async handle(request, { organizationId }) {
    const list: ListName = ['deliveries', organizationId];
    const page = infra.cursors.pageOf(request, list, ['number', 'text']);
    const question = questionOf(queryOf(request, organizationId, page));
    await caughtUp(infra, 'deliveries');
    const rows = (await infra.reads.rows(organizationId, question)).map(readDelivery);
    const cursorAt = (row: DeliveryRow) => infra.cursors.cursorOf(list, placeOf(row));
    return listReply(request, listBody(rows, page.limit, deliveryBody, cursorAt));
  },
});

const placeOf = ({ scheduledAt, id }: DeliveryRow): Place => [Date.parse(scheduledAt), id];

/** The filters and their columns. */
const FILTERS = {
  endpoint_id: 'endpoint_id',
  execution_id: 'execution_id',
  status: 'status',
  event_type: 'event_type',
} as const;

function queryOf(request: ApiRequest, organizationId: OrganizationId, page: Page) {
  const query = sql('readmodel.deliveries')
    .where('organization_id', organizationId)
    .orderBy(['scheduled_at', 'id'].map((column) => ({ column, order: 'desc' })))
    .limit(page.limit + 1);
  for (const [parameter, column] of Object.entries(FILTERS)) {
    const value = request.queryValues[parameter];
    if (typeof value !== 'string') continue;
    void query.where(column, value);
    // Says it as the index of what has not succeeded does.
    if (column === 'status' && value !== 'SUCCEEDED') void query.whereNot('status', 'SUCCEEDED');
  }
  whereInRange(query, 'scheduled_at', createdRangeOf(request));
  if (page.after) {
    const [scheduledAt, id] = page.after;
    void query.whereRaw('(scheduled_at, id) < (?, ?)', [new Date(Number(scheduledAt)), String(id)]);
  }
  return query;
}
