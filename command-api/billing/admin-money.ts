/** The operator's movements of an organization's money: top-ups and corrections. */
import {
  adjustmentSchema,
  standingSchema,
  topUpSchema,
  type AdjustmentBody,
  type TopUpBody,
} from '../../contracts/http/money-movements.js';
import { isId, type OrganizationId } from '../../contracts/ids.js';
import { formatMoney, parseMoney, type Micros } from '../../contracts/money.js';
import { streamOf } from '../../contracts/streams.js';
import type { AccountEvent } from '../../contracts/events/account.js';
import type * as Account from '../../domain/account/account.js';
import { Refusal, type ApiRequest, type Reply, type Route } from '../../http/server/route.js';
import { operatorMetadata } from '../command-metadata.js';
import type { Commands } from '../command-infra.js';
import { requireIdempotencyKey } from '../executions/idempotency-key.js';
import { invalidField, refused } from '../refusals.js';

const TAG = 'Money';

export const postTopUps = (commands: Commands): Route => ({
  method: 'POST',
  path: '/organizations/{id}/top-ups',
  summary: 'Top up an organization',
  description: 'Money that arrived becomes available. A repeat under the same key moves nothing.',
  tag: TAG,
  audience: 'operator',
  bodySchema: topUpSchema,
  replySchemas: { 201: standingSchema },
  refusals: ['NOT_FOUND', 'IDEMPOTENCY_MISMATCH'],
  handle(request) {
    const body = request.body as TopUpBody;
    const topUpId = requireIdempotencyKey(request, body.idempotency_key);
    const amount = amountOf(body.amount);
    return move(commands, request, amount, { type: 'Deposit', topUpId, amount });
  },
});

export const postAdjustments = (commands: Commands): Route => ({
  method: 'POST',
  path: '/organizations/{id}/adjustments',
  summary: "Correct an organization's balance",
  description: 'Adds a signed amount. What is available never falls below zero.',
  tag: TAG,
  audience: 'operator',
  bodySchema: adjustmentSchema,
  replySchemas: { 201: standingSchema },
  refusals: ['NOT_FOUND', 'CONFLICT', 'IDEMPOTENCY_MISMATCH'],
  async handle(request) {
    const body = request.body as AdjustmentBody;
    const adjustmentId = requireIdempotencyKey(request, body.idempotency_key);
    const amount = amountOf(body.amount);
    if (amount === 0n) return invalidField('amount', 'zero', 'must not be zero');
    const { reason } = body;
    return move(commands, request, amount, { type: 'Adjust', adjustmentId, amount, reason });
  },
});

type Movement =
  | { type: 'Deposit'; topUpId: string; amount: Micros }
  | { type: 'Adjust'; adjustmentId: string; amount: Micros; reason: string };

async function move(
  commands: Commands,
  request: ApiRequest,
  amount: Micros,
  movement: Movement,
): Promise<Reply | Refusal> {
  const organizationId = request.params['id'] as OrganizationId;
  if (!isId('org', organizationId)) return new Refusal('NOT_FOUND');
  const { state } = await commands.organizations.load(organizationId);
  if (state.status === 'none') return new Refusal('NOT_FOUND');
  const at = new Date(commands.now()).toISOString();
  const command: Account.Command = { ...movement, organizationId, at };
  const metadata = operatorMetadata(request, organizationId);
  const result = await commands.accounts.submit(organizationId, { command, metadata });
  if (result.outcome === 'rejected') return refused(result.reason);
  const { available, held } = await standingOf(commands, organizationId);
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

/** Every account event says what stands after it, so the newest one is enough. */
async function standingOf({ store }: Commands, organizationId: OrganizationId) {
  const newest = { direction: 'backward', limit: 1 } as const;
  const [event] = await store.readStream(streamOf('account', organizationId), newest);
  if (!event) throw new Error(`the account of ${organizationId} has no event after a movement`);
  const { availableAfter, heldAfter } = event.data as AccountEvent['data'];
  return { available: availableAfter, held: heldAfter };
}

/** The schema has let only amounts through. */
function amountOf(text: string): Micros {
  const amount = parseMoney(text);
  if (amount === undefined) throw invalidField('amount', 'pattern', 'is not an amount');
  return amount;
}
