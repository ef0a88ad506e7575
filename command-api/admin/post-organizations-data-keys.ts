/** The operator has what is stored for an organization from now on encrypted under a new key. */
import { dataKeyRenewedSchema } from '../../contracts/http/organizations.js';
import type { Route } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { organizationIn } from '../organization-in.js';
import { refused } from '../refusals.js';
import { recordOperation } from './record-operation.js';

type Given = Pick<Commands, 'dataKeys' | 'now' | 'organizations' | 'store'>;

export const postOrganizationsDataKeys = (commands: Given): Route => ({
  method: 'POST',
  path: '/organizations/{id}/data-keys',
  operationId: 'adminRenewDataKey',
  summary: 'Give an organization a new data key',
  description:
    'Inputs, outputs and files are encrypted under it from now on, by other processes within a ' +
    'second. What is stored already stays under the keys of before, until it is erased.',
  tag: 'Organizations',
  audience: 'operator',
  replySchemas: { 201: dataKeyRenewedSchema },
  refusals: ['NOT_FOUND', 'CONFLICT'],
  async handle(request) {
    const organizationId = organizationIn(request);
    const { state } = await commands.organizations.load(organizationId);
    if (state.status === 'none') return refused('OrganizationUnknown');
    if (state.erasedAt) return refused('OrganizationIsErased');
    await recordOperation(commands, request, 'renew_data_key', organizationId);
    const key = await commands.dataKeys.renew(organizationId);
    if (key === 'erased') return refused('OrganizationIsErased');
    const body = { organization_id: organizationId, version: key.version };
    return { status: 201, body, logFields: { organizationId } };
  },
});
