/** The operator's bodies about an organization's money. */
import {
  answerObject,
  id,
  idempotencyKey,
  money,
  moneyUnsigned,
  requestObject,
  text,
  type Schema,
} from './parts.js';

export interface TopUpBody {
  readonly amount: string;
  readonly idempotency_key?: string;
}

export const topUpSchema: Schema = {
  ...requestObject('TopUp', {
    amount: moneyUnsigned('What arrived; more than zero.'),
    'idempotency_key?': idempotencyKey,
  }),
  examples: [{ amount: '12.50', idempotency_key: 'invoice-2026-01' }],
};

export interface AdjustmentBody {
  readonly amount: string;
  readonly reason: string;
  readonly idempotency_key?: string;
}

export const adjustmentSchema: Schema = {
  ...requestObject('Adjustment', {
    amount: money('What is added, or taken when negative.', '-3.20'),
    reason: text('Why; kept in the log.', 1000),
    'idempotency_key?': idempotencyKey,
  }),
  examples: [{ amount: '-3.20', reason: 'billed twice', idempotency_key: 'ticket-812' }],
};

export const standingSchema: Schema = answerObject('MoneyMovement', {
  organization_id: id('org', 'Whose money.'),
  amount: money('What was moved.', '12.50'),
  available: money('Free to spend now.', '12.50'),
  held: money('Reserved for executions that are not over.', '0.000'),
  total: money('Both together.', '12.50'),
});
