/** Adds money that arrived to an organization's account. */
import {
  standingSchema,
  topUpSchema,
  type TopUpBody,
} from '../../contracts/http/money-movements.js';
import type { Route } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { requireIdempotencyKey } from '../executions/idempotency-key.js';
import { moneyOf, moveMoney } from './move-money.js';

export const postTopUps = (commands: Commands): Route => ({
  method: 'POST',
  path: '/organizations/{id}/top-ups',
  summary: 'Top up an organization',
  description: 'Money that arrived becomes available. A repeat under the same key moves nothing.',
  tag: 'Money',
  audience: 'operator',
  needs: 'money',
  bodySchema: topUpSchema,
  replySchemas: { 201: standingSchema },
  replyHeaders: ['Idempotency-Replayed'],
  refusals: ['NOT_FOUND', 'IDEMPOTENCY_MISMATCH'],
  handle(request) {
    const body = request.body as TopUpBody;
    const topUpId = requireIdempotencyKey(request, body.idempotency_key);
    const amount = moneyOf(body.amount);
    return moveMoney(commands, request, amount, { type: 'Deposit', topUpId, amount });
  },
});
