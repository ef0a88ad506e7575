/** What an execution's end means for its hold. Pure; undefined while the execution is not over. */
import type { Timestamp } from '../../contracts/events/envelope.js';
import type * as Account from '../account/account.js';
import type { State } from './execution.js';

type Ending = Extract<Account.Command, { type: 'SettleHold' | 'ReleaseHold' }>;

export function settlementOf(state: State, at: Timestamp): Ending | undefined {
  switch (state.status) {
    case 'completed':
      return { type: 'SettleHold', ...fundingOf(state), cost: state.ratedCost, at };
    case 'failed':
    case 'cancelled':
    case 'expired':
      return { type: 'ReleaseHold', ...fundingOf(state), reason: state.status, at };
    case 'none':
    case 'abandoned':
    case 'pending':
    case 'processing':
    case 'awaitingWebhook':
    case 'delivered':
      return undefined;
  }
}

const fundingOf = ({ request }: Extract<State, { request: unknown }>) => ({
  organizationId: request.organizationId,
  executionId: request.executionId,
  holdId: request.holdId,
});
