/** The operator moves money of an organization: what top-ups and adjustments share. */
import type { AccountEvent } from '../../contracts/events/account.js';
import type { OrganizationId } from '../../contracts/ids.js';
import { formatMoney, parseMoney, type Micros } from '../../contracts/money.js';
import { streamOf } from '../../contracts/streams.js';
import type * as Account from '../../domain/account/account.js';
import { Refusal, type ApiRequest, type Reply } from '../../http/server/route.js';
import { operatorMetadata } from '../command-metadata.js';
import type { Commands } from '../command-infra.js';
import { organizationIn } from '../organization-in.js';
import { invalidField, refused } from '../refusals.js';

type Movement =
  | { type: 'Deposit'; topUpId: string; amount: Micros }
  | { type: 'Adjust'; adjustmentId: string; amount: Micros; reason: string };

/** The answer shows the account after the movement. */
export async function moveMoney(
  commands: Commands,
  request: ApiRequest,
  amount: Micros,
  movement: Movement,
): Promise<Reply | Refusal> {
  const organizationId = organizationIn(request);
  const { state } = await commands.organizations.load(organizationId);
  if (state.status === 'none') return new Refusal('NOT_FOUND');
  const at = new Date(commands.now()).toISOString();
  const command: Account.Command = { ...movement, organizationId, at };
  const metadata = operatorMetadata(request, organizationId);
  const result = await commands.accounts.submit(organizationId, { command, metadata });
  if (result.outcome === 'rejected') return refused(result.reason);
  const { available, held } = await balanceOf(commands, organizationId);
  return {
    status: 201,
    ...(result.outcome === 'alreadyDone' && { headers: { 'idempotency-replayed': 'true' } }),
    body: {
      organization_id: organizationId,
      amount: formatMoney(amount),
      available: formatMoney(available),
      held: formatMoney(held),
      total: formatMoney(available + held),
    },
    logFields: { organizationId },
  };
}

/** Every account event has the balance after it, so the newest one is enough. */
async function balanceOf({ store }: Commands, organizationId: OrganizationId) {
  const newest = { direction: 'backward', limit: 1 } as const;
  const [event] = await store.readStream(streamOf('account', organizationId), newest);
  if (!event) throw new Error(`the account of ${organizationId} has no event after a movement`);
  const { availableAfter, heldAfter } = event.data as AccountEvent['data'];
  return { available: availableAfter, held: heldAfter };
}

/** Throws a `Refusal` when it is no amount, which the schema has refused before. */
export function moneyOf(text: string): Micros {
  const amount = parseMoney(text);
  if (amount === undefined) throw invalidField('amount', 'pattern', 'is not an amount');
  return amount;
}
