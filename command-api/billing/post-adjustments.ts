/** Corrects an organization's balance, in either direction. */
import {
  adjustmentSchema,
  standingSchema,
  type AdjustmentBody,
} from '../../contracts/http/money-movements.js';
import type { Route } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { requireIdempotencyKey } from '../executions/idempotency-key.js';
import { invalidField } from '../refusals.js';
import { moneyOf, moveMoney } from './move-money.js';

export const postAdjustments = (commands: Commands): Route => ({
  method: 'POST',
  path: '/organizations/{id}/adjustments',
  summary: "Correct an organization's balance",
  description: 'Adds a signed amount. What is available never falls below zero.',
  tag: 'Money',
  audience: 'operator',
  needs: 'money',
  bodySchema: adjustmentSchema,
  replySchemas: { 201: standingSchema },
  replyHeaders: ['Idempotency-Replayed'],
  refusals: ['NOT_FOUND', 'CONFLICT', 'IDEMPOTENCY_MISMATCH'],
  async handle(request) {
    const body = request.body as AdjustmentBody;
    const adjustmentId = requireIdempotencyKey(request, body.idempotency_key);
    const amount = moneyOf(body.amount);
    if (amount === 0n) return invalidField('amount', 'zero', 'must not be zero');
    const { reason } = body;
    return moveMoney(commands, request, amount, { type: 'Adjust', adjustmentId, amount, reason });
  },
});
