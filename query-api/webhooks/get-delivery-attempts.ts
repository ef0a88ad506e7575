/** The attempts at one webhook delivery, in their order. */
import { attemptListSchema, attemptsQuery } from '../../contracts/http/deliveries.js';
import { Refusal, type Route } from '../../http/server/route.js';
import { count, text, time, type Row } from '../../infra/read-store/table.js';
import { listBody, listReply, type ListName } from '../cursor.js';
import type { ListInfra } from '../query-infra.js';
import { ownDelivery } from './own-delivery.js';

export const getDeliveryAttempts = (infra: ListInfra): Route => ({
  method: 'GET',
  path: '/webhooks/deliveries/{id}/attempts',
  summary: 'List the attempts at a delivery',
  description: 'Oldest first: what was answered, how long it took, and how the answer begins.',
  tag: 'Webhooks',
  audience: 'tenant',
  permission: 'webhooks:read',
  querySchema: attemptsQuery,
  replySchemas: { 200: attemptListSchema },
  replyHeaders: ['Link'],
  refusals: ['NOT_FOUND'],
  async handle(request, caller) {
    const { organizationId } = caller;
    const delivery = await ownDelivery(infra, request, caller);
    if (!delivery) return new Refusal('NOT_FOUND');
    const list: ListName = ['delivery-attempts', organizationId, delivery.id];
    const { limit, after } = infra.cursors.pageOf(request, list, ['number']);
    const rows = await infra.reads.rows(organizationId, {
      name: 'attempts at a delivery',
      text: `
        SELECT attempt, succeeded, http_status, reason, latency_ms, answer, at
        FROM readmodel.delivery_attempts
        WHERE delivery_id = $1 AND attempt > $2
        ORDER BY attempt
        LIMIT $3`,
      values: [delivery.id, after?.[0] ?? 0, limit + 1],
    });
    const cursorAt = (row: Row) => infra.cursors.cursorOf(list, [count(row, 'attempt')]);
    return listReply(request, listBody(rows, limit, attemptBody, cursorAt));
  },
});

const attemptBody = (row: Row) => ({
  attempt: count(row, 'attempt'),
  succeeded: row['succeeded'] === true,
  status: row['http_status'] === null ? null : count(row, 'http_status'),
  reason: row['reason'] === null ? null : text(row, 'reason'),
  latency_ms: count(row, 'latency_ms'),
  answer: row['answer'] === null ? null : text(row, 'answer'),
  at: time(row, 'at'),
});
