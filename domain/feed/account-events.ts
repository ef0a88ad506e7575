/** Money in the feed. Each event says the balance after it, as `GET /v1/billing/balance` does. */
import type { AccountEvent, AccountStanding } from '../../contracts/events/account.js';
import { formatMoney } from '../../contracts/money.js';
import { actorData, moneyOrNull, type FeedMapping } from './feed-content.js';

export const accountEvents: FeedMapping<AccountEvent> = {
  FundsDeposited: (event) => ({
    type: 'balance.topped_up',
    subject: event.data.organizationId,
    data: { amount: formatMoney(event.data.amount), balance: balanceAfter(event.data) },
  }),
  FundsAdjusted: (event) => ({
    type: 'balance.adjusted',
    subject: event.data.organizationId,
    data: { amount: formatMoney(event.data.amount), balance: balanceAfter(event.data) },
  }),
  HoldPlaced: ({ data }) => ({
    type: 'hold.placed',
    subject: data.executionId,
    data: {
      hold_id: data.holdId,
      execution_id: data.executionId,
      api_key_id: data.apiKeyId ?? null,
      amount: formatMoney(data.amount),
      balance: balanceAfter(data),
    },
  }),
  HoldSettled: ({ data }) => ({
    type: 'hold.settled',
    subject: data.executionId,
    data: {
      hold_id: data.holdId,
      execution_id: data.executionId,
      charged: formatMoney(data.charged),
      returned: formatMoney(data.returned),
      balance: balanceAfter(data),
    },
  }),
  HoldReleased: ({ data }) => ({
    type: 'hold.released',
    subject: data.executionId,
    data: {
      hold_id: data.holdId,
      execution_id: data.executionId,
      returned: formatMoney(data.amount),
      reason: data.reason,
      balance: balanceAfter(data),
    },
  }),
  SpendingGuardSet: (event) => ({
    type: 'spending_guard.set',
    subject: event.data.apiKeyId ?? event.data.organizationId,
    data: {
      api_key_id: event.data.apiKeyId ?? null,
      set_by: event.data.setBy,
      daily_limit: moneyOrNull(event.data.dailyLimit),
      monthly_limit: moneyOrNull(event.data.monthlyLimit),
      max_cost_per_execution: moneyOrNull(event.data.maxCostPerExecution),
      per_minute: moneyOrNull(event.data.perMinute),
      max_in_flight: event.data.maxInFlight ?? null,
      ...actorData(event),
    },
  }),
  BalanceAlertSet: (event) => ({
    type: 'balance.alert_set',
    subject: event.data.organizationId,
    data: { threshold: moneyOrNull(event.data.threshold), ...actorData(event) },
  }),
  BalanceRanLow: ({ data }) => ({
    type: 'balance.low',
    subject: data.organizationId,
    data: { available: formatMoney(data.availableAfter), threshold: formatMoney(data.threshold) },
  }),
};

const balanceAfter = ({ availableAfter, heldAfter }: AccountStanding) => ({
  available: formatMoney(availableAfter),
  held: formatMoney(heldAfter),
  total: formatMoney(availableAfter + heldAfter),
});
