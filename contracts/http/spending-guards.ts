/** What an organization and each of its API keys may spend, and when a low balance is announced. */
import {
  answerObject,
  id,
  money,
  moneyUnsigned,
  orNull,
  requestObject,
  type Schema,
} from './parts.js';

/** Null: unlimited. What is absent stays as it is. */
export interface SetSpendingGuardsBody {
  readonly daily_limit?: string | null;
  readonly monthly_limit?: string | null;
  readonly max_cost_per_execution?: string | null;
  readonly per_minute?: string | null;
  readonly max_in_flight?: number | null;
}

const limits = (amount: (description: string, example: string) => Schema) => ({
  daily_limit: amount(
    'Open holds and settled cost of the executions that were accepted in this UTC day.',
    '25.00',
  ),
  monthly_limit: amount('The same in this UTC month.', '400.00'),
  max_cost_per_execution: amount(
    'Of one hold, which is the most that its execution can cost.',
    '1.50',
  ),
  per_minute: amount('Holds placed within 60 seconds, whatever became of them.', '2.00'),
  max_in_flight: {
    type: 'integer',
    minimum: 0,
    maximum: 1_000_000_000,
    description: 'Executions that are accepted and not over.',
    examples: [40],
  },
});

const { daily_limit, monthly_limit, max_cost_per_execution, per_minute, max_in_flight } =
  limits(moneyUnsigned);

export const setSpendingGuardsSchema: Schema = {
  ...requestObject('SetSpendingGuards', {
    'daily_limit?': orNull(daily_limit),
    'monthly_limit?': orNull(monthly_limit),
    'max_cost_per_execution?': orNull(max_cost_per_execution),
    'per_minute?': orNull(per_minute),
    'max_in_flight?': orNull(max_in_flight),
  }),
  description: 'Null: unlimited. What is absent stays as it is. A limit of 0 refuses everything.',
  examples: [{ daily_limit: '25.00', max_cost_per_execution: '1.50' }],
};

const orUnlimited = Object.fromEntries(
  Object.entries(limits(money)).map(([name, limit]) => [name, orNull(limit)]),
);

export const spendingGuardsSchema: Schema = answerObject('SpendingGuards', {
  organization_id: id('org', 'The organization.'),
  api_key_id: orNull(id('key', 'The API key; null where the limits are the organization’s.')),
  ...orUnlimited,
  set_by_operator: answerObject('SpendingGuardsOfOperator', orUnlimited),
  set_by_owner: answerObject('SpendingGuardsOfOwner', orUnlimited),
  used: answerObject('SpendingGuardsUsed', {
    daily_limit: money('In this UTC day, so far.', '3.250'),
    monthly_limit: money('In this UTC month, so far.', '41.080'),
    per_minute: money('In the last 60 seconds.', '0.120'),
    max_in_flight: { type: 'integer', minimum: 0, description: 'Now.', examples: [2] },
  }),
});

export interface SetBalanceAlertBody {
  readonly threshold: string | null;
}

const threshold = moneyUnsigned(
  'When less than this is available, `balance.low` is sent: once, and again after there was as ' +
    'much. Null: never.',
  '10.00',
);

export const setBalanceAlertSchema: Schema = {
  ...requestObject('SetBalanceAlert', { threshold: orNull(threshold) }),
  examples: [{ threshold: '10.00' }],
};

export const balanceAlertSchema: Schema = answerObject('BalanceAlert', {
  organization_id: id('org', 'The organization.'),
  threshold: orNull(threshold),
  available: money('Free to spend now.', '87.400'),
  is_low: { type: 'boolean', description: 'Less than the threshold is available.' },
});
