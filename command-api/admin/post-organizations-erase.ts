/** The operator erases what is stored for an organization, for ever. */
import {
  erasedOrganizationSchema,
  eraseOrganizationSchema,
  type EraseOrganizationBody,
} from '../../contracts/http/organizations.js';
import {
  endAccess,
  executionsNotOver,
  recordErasure,
} from '../../command-handling/erase-organization.js';
import { Refusal, type ApiRequest, type Reply, type Route } from '../../http/server/route.js';
import { metadataOf } from '../command-metadata.js';
import type { Commands } from '../command-infra.js';
import { organizationIn } from '../organization-in.js';
import { invalidField, refused } from '../refusals.js';

type Given = Pick<Commands, 'accountStates' | 'apiKeys' | 'dataKeys' | 'now' | 'organizations'>;

export const postOrganizationsErase = (commands: Given): Route => ({
  method: 'POST',
  path: '/organizations/{id}/erase',
  operationId: 'adminEraseOrganization',
  summary: 'Erase what is stored for an organization',
  description:
    'Its API keys are revoked and its data key is destroyed before the answer: its inputs, ' +
    'outputs and files cannot be read any more, in backups neither. What is stored of them is ' +
    'removed afterwards. Log, ledger and proofs stay. Refused while executions of it are not ' +
    'over, unless forced. Given again, it answers the same.',
  tag: 'Organizations',
  audience: 'operator',
  bodySchema: eraseOrganizationSchema,
  replySchemas: { 202: erasedOrganizationSchema },
  refusals: ['NOT_FOUND', 'CONFLICT'],
  handle: (request) => handle(commands, request),
});

async function handle(commands: Given, request: ApiRequest): Promise<Reply | Refusal> {
  const organizationId = organizationIn(request);
  const { confirm, reason, force = false } = request.body as EraseOrganizationBody;
  const { state: before } = await commands.organizations.load(organizationId);
  if (before.status === 'none') return refused('OrganizationUnknown');
  if (confirm !== organizationId && confirm !== before.name) throw UNCONFIRMED;
  if (!before.erasedAt && !force) {
    const running = await executionsNotOver(commands.accountStates, organizationId);
    if (running > 0) return new Refusal('CONFLICT', NOT_OVER, [notOver(running)]);
  }
  const metadata = { ...metadataOf(request, request.actor, organizationId), reason };
  const erasure = { organizationId, metadata };
  const recorded = await recordErasure(commands, erasure);
  if (recorded.outcome === 'rejected') return refused(recorded.reason);
  await endAccess(commands, erasure);
  const { state } = recorded;
  const erasedAt = state.status === 'created' ? state.erasedAt : undefined;
  const body = { organization_id: organizationId, erased_at: erasedAt };
  return { status: 202, body, logFields: { organizationId } };
}

const UNCONFIRMED = invalidField('confirm', 'mismatch', "must be the organization's id or name");

const NOT_OVER = 'Executions of the organization are not over.';

const notOver = (running: number) => ({
  code: 'executions_not_over',
  message: `${running} are not over: wait for them, cancel them, or send force`,
});
