/** Owners set spending guards of their organization and of its API keys. */
import {
  setSpendingGuardsSchema,
  spendingGuardsSchema,
} from '../../contracts/http/spending-guards.js';
import type { ApiRequest, Caller, Route } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { metadataOf } from '../command-metadata.js';
import { setSpendingGuards } from './set-spending-guards.js';

const DESCRIPTION =
  'What passes a guard is refused with 402 `INSUFFICIENT_BALANCE`, which names the guard in ' +
  '`details`. An operator may have set limits, too: yours cannot be higher than theirs.';

export const patchSpendingGuards = (commands: Commands): Route => ({
  method: 'PATCH',
  path: '/billing/spending-guards',
  summary: 'Limit what the organization spends',
  description: DESCRIPTION,
  tag: 'Billing',
  audience: 'tenant',
  permission: 'guards:write',
  bodySchema: setSpendingGuardsSchema,
  replySchemas: { 200: spendingGuardsSchema },
  refusals: ['FORBIDDEN', 'CONFLICT'],
  handle: (request, caller) => setSpendingGuards(commands, request, settingOf(request, caller)),
});

export const patchApiKeysSpendingGuards = (commands: Commands): Route => ({
  method: 'PATCH',
  path: '/api-keys/{id}/spending-guards',
  summary: 'Limit what an API key spends',
  description: DESCRIPTION,
  tag: 'API keys',
  audience: 'tenant',
  permission: 'guards:write',
  bodySchema: setSpendingGuardsSchema,
  replySchemas: { 200: spendingGuardsSchema },
  refusals: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT'],
  handle: (request, caller) =>
    setSpendingGuards(commands, request, {
      ...settingOf(request, caller),
      keyId: request.params['id'],
    }),
});

const settingOf = (request: ApiRequest, { organizationId, keyId }: Caller) => ({
  organizationId,
  setBy: 'owner' as const,
  metadata: metadataOf(request, keyId, organizationId),
});
