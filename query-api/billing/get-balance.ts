/** An organization's balance, as of now or of an earlier moment. */
import type { AccountEvent } from '../../contracts/events/account.js';
import { asOfField } from '../../contracts/http/as-of.js';
import { balanceSchema } from '../../contracts/http/billing.js';
import { queryObject } from '../../contracts/http/parts.js';
import { formatMoney } from '../../contracts/money.js';
import { streamOf } from '../../contracts/streams.js';
import type { Route } from '../../http/server/route.js';
import { accountThen } from '../as-of/account-then.js';
import { tenantCut, type AsOfInfra } from '../as-of/asked.js';

/** Every event of an account carries the amounts after it, so the last event is the balance. */
export const getBalance = (infra: AsOfInfra): Route => ({
  method: 'GET',
  path: '/billing/balance',
  summary: 'Read the balance',
  description:
    'What is free to spend, and what is reserved for executions that are not over; with `as_of` ' +
    'what was, then.',
  tag: 'Billing',
  audience: 'tenant',
  permission: 'billing:read',
  querySchema: queryObject(asOfField),
  replySchemas: { 200: balanceSchema },
  async handle(request, { organizationId }) {
    const cut = await tenantCut(infra, request, organizationId);
    const account = streamOf('account', organizationId);
    const [last] = cut
      ? [await accountThen(infra, organizationId, cut)]
      : await infra.store.readStream(account, { direction: 'backward', limit: 1 });
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
