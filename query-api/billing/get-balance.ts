/** An organization's balance, as of now. */
import type { AccountEvent } from '../../contracts/events/account.js';
import { balanceSchema } from '../../contracts/http/billing.js';
import { formatMoney } from '../../contracts/money.js';
import { streamOf } from '../../contracts/streams.js';
import type { Route } from '../../http/server/route.js';
import type { QueryInfra } from '../query-infra.js';

/** Every event of an account carries the amounts after it, so the last event is the balance. */
export const getBalance = ({ store }: Pick<QueryInfra, 'store'>): Route => ({
  method: 'GET',
  path: '/billing/balance',
  summary: 'Read the balance',
  description: 'What is free to spend, and what is reserved for executions that are not over.',
  tag: 'Billing',
  audience: 'tenant',
  permission: 'billing:read',
  replySchemas: { 200: balanceSchema },
  async handle(_request, { organizationId }) {
    const account = streamOf('account', organizationId);
    const [last] = await store.readStream(account, { direction: 'backward', limit: 1 });
    const data = last?.data as AccountEvent['data'] | undefined;
    const { availableAfter: available, heldAfter: held } = data ?? {
      availableAfter: 0n,
      heldAfter: 0n,
    };
    const body = {
      available: formatMoney(available),
      held: formatMoney(held),
      total: formatMoney(available + held),
    };
    return { status: 200, body };
  },
});
