/** The threshold below which a balance is announced as low is set. */
import {
  balanceAlertSchema,
  setBalanceAlertSchema,
  type SetBalanceAlertBody,
} from '../../contracts/http/spending-guards.js';
import type { OrganizationId } from '../../contracts/ids.js';
import { balanceAlertBody } from '../../domain/account/spending-body.js';
import type { CommandMetadata } from '../../command-handling/command-metadata.js';
import { Refusal, type ApiRequest, type Reply, type Route } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { metadataOf, operatorMetadata } from '../command-metadata.js';
import { organizationIn } from '../organization-in.js';
import { refused } from '../refusals.js';
import { amountIn } from './set-spending-guards.js';

const shape = {
  method: 'PUT',
  description:
    'The webhook `balance.low` goes to the endpoints that name it when the available money falls ' +
    'below the threshold; once, until there is as much again. A threshold above what is there ' +
    'now announces the next fall.',
  bodySchema: setBalanceAlertSchema,
  replySchemas: { 200: balanceAlertSchema },
} as const;

export const putBalanceAlert = (commands: Commands): Route => ({
  ...shape,
  path: '/billing/balance-alert',
  summary: 'Announce a low balance',
  tag: 'Billing',
  audience: 'tenant',
  permission: 'billing:write',
  handle: (request, { organizationId, keyId }) =>
    setAlert(commands, request, organizationId, metadataOf(request, keyId, organizationId)),
});

export const putOrganizationsBalanceAlert = (commands: Commands): Route => ({
  ...shape,
  path: '/organizations/{id}/balance-alert',
  summary: 'Announce a low balance of an organization',
  tag: 'Money',
  audience: 'operator',
  needs: 'money',
  refusals: ['NOT_FOUND'],
  async handle(request) {
    const organizationId = organizationIn(request);
    const { state } = await commands.organizations.load(organizationId);
    if (state.status === 'none') return new Refusal('NOT_FOUND');
    const metadata = operatorMetadata(request, organizationId);
    return setAlert(commands, request, organizationId, metadata);
  },
});

async function setAlert(
  { accounts, accountStates, now }: Commands,
  request: ApiRequest,
  organizationId: OrganizationId,
  metadata: CommandMetadata,
): Promise<Reply | Refusal> {
  const { threshold: text } = request.body as SetBalanceAlertBody;
  const threshold = text === null ? undefined : amountIn('threshold', text);
  const at = new Date(now()).toISOString();
  const set = threshold === undefined ? {} : { threshold };
  const command = { type: 'SetBalanceAlert', organizationId, at, ...set } as const;
  const result = await accounts.submit(organizationId, { command, metadata });
  if (result.outcome === 'rejected') return refused(result.reason);
  const body = balanceAlertBody(await accountStates.read(organizationId), organizationId);
  return { status: 200, body, logFields: { organizationId } };
}
