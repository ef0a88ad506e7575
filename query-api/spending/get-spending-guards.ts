/** Spending guards of an organization and of its API keys, and what is used of each, as of now. */
import { spendingGuardsSchema } from '../../contracts/http/spending-guards.js';
import { isId, type ApiKeyId, type OrganizationId } from '../../contracts/ids.js';
import { spendingGuardsBody } from '../../domain/account/spending-body.js';
import { Refusal, type Reply, type Route } from '../../http/server/route.js';
import type { QueryInfra } from '../query-infra.js';

type Given = Pick<QueryInfra, 'accountStates' | 'now' | 'organizations'>;

export const getSpendingGuards = (infra: Given): Route => ({
  method: 'GET',
  path: '/billing/spending-guards',
  summary: 'Show what the organization may spend',
  description: 'Its spending guards, and how much of each is used in the window that runs now.',
  tag: 'Billing',
  audience: 'tenant',
  permission: 'guards:read',
  replySchemas: { 200: spendingGuardsSchema },
  handle: (_request, { organizationId }) => show(infra, organizationId),
});

export const getApiKeysSpendingGuards = (infra: Given): Route => ({
  method: 'GET',
  path: '/api-keys/{id}/spending-guards',
  summary: 'Show what an API key may spend',
  description: 'The spending guards of this key alone; those of the organization hold besides.',
  tag: 'API keys',
  audience: 'tenant',
  permission: 'guards:read',
  replySchemas: { 200: spendingGuardsSchema },
  refusals: ['NOT_FOUND'],
  handle: ({ params }, { organizationId }) => show(infra, organizationId, params['id']),
});

export const getOrganizationsSpendingGuards = (infra: Given): Route => ({
  method: 'GET',
  path: '/organizations/{id}/spending-guards',
  summary: 'Show what an organization may spend',
  description: 'Its spending guards, and how much of each is used in the window that runs now.',
  tag: 'Money',
  audience: 'operator',
  replySchemas: { 200: spendingGuardsSchema },
  refusals: ['NOT_FOUND'],
  handle: ({ params }) => show(infra, params['id']),
});

export const getOrganizationsApiKeysSpendingGuards = (infra: Given): Route => ({
  method: 'GET',
  path: '/organizations/{id}/api-keys/{keyId}/spending-guards',
  summary: 'Show what an API key may spend',
  description: 'The spending guards of this key alone; those of the organization hold besides.',
  tag: 'Money',
  audience: 'operator',
  replySchemas: { 200: spendingGuardsSchema },
  refusals: ['NOT_FOUND'],
  handle: ({ params }) => show(infra, params['id'], params['keyId']),
});

/** A key that the organization has not is a 404, whose ever it is. */
async function show(
  { accountStates, now, organizations }: Given,
  id = '',
  keyId?: string,
): Promise<Reply | Refusal> {
  if (!isId('org', id)) return new Refusal('NOT_FOUND');
  const organizationId = id as OrganizationId;
  const { state } = await organizations.load(organizationId);
  if (state.status === 'none') return new Refusal('NOT_FOUND');
  const apiKeyId = keyId as ApiKeyId | undefined;
  if (apiKeyId && !(isId('key', apiKeyId) && state.keys.includes(apiKeyId)))
    return new Refusal('NOT_FOUND');
  const account = await accountStates.read(organizationId);
  const at = new Date(now()).toISOString();
  return { status: 200, body: spendingGuardsBody(account, { organizationId, apiKeyId }, at) };
}
