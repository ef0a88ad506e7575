/** The operator sets spending guards of an organization and of its API keys. */
import {
  setSpendingGuardsSchema,
  spendingGuardsSchema,
} from '../../contracts/http/spending-guards.js';
import type { ApiRequest, Route } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { operatorMetadata } from '../command-metadata.js';
import { organizationIn } from '../organization-in.js';
import { setSpendingGuards } from './set-spending-guards.js';

const DESCRIPTION =
  'From the answer on, in every process. The owner may set lower limits beside these; the lower ' +
  'of both is in force. What is in flight goes on.';

export const patchOrganizationsSpendingGuards = (commands: Commands): Route => ({
  method: 'PATCH',
  path: '/organizations/{id}/spending-guards',
  summary: 'Limit what an organization spends',
  description: DESCRIPTION,
  tag: 'Money',
  audience: 'operator',
  needs: 'money',
  bodySchema: setSpendingGuardsSchema,
  replySchemas: { 200: spendingGuardsSchema },
  refusals: ['NOT_FOUND', 'CONFLICT'],
  handle: (request) => setSpendingGuards(commands, request, settingOf(request)),
});

export const patchOrganizationsApiKeysSpendingGuards = (commands: Commands): Route => ({
  method: 'PATCH',
  path: '/organizations/{id}/api-keys/{keyId}/spending-guards',
  summary: 'Limit what an API key spends',
  description: DESCRIPTION,
  tag: 'Money',
  audience: 'operator',
  needs: 'money',
  bodySchema: setSpendingGuardsSchema,
  replySchemas: { 200: spendingGuardsSchema },
  refusals: ['NOT_FOUND', 'CONFLICT'],
  handle: (request) =>
    setSpendingGuards(commands, request, {
      ...settingOf(request),
      keyId: request.params['keyId'],
    }),
});

function settingOf(request: ApiRequest) {
  const organizationId = organizationIn(request);
  const metadata = operatorMetadata(request, organizationId);
  return { organizationId, setBy: 'operator' as const, metadata };
}
