/** Deletes a webhook endpoint: nothing more is sent to it, nor what waits for it. */
import type { Route } from '../../http/server/route.js';
import { metadataOf } from '../command-metadata.js';
import type { Commands } from '../command-infra.js';
import { refused } from '../refusals.js';
import type { ChangeSettings } from './change-settings.js';
import { endpointIdIn } from './endpoint-id.js';

export const deleteEndpoints = (commands: Commands, change: ChangeSettings): Route => ({
  method: 'DELETE',
  path: '/webhooks/endpoints/{id}',
  summary: 'Delete a webhook endpoint',
  description: 'No attempt begins after the answer, also of deliveries that wait for their next.',
  tag: 'Webhooks',
  audience: 'tenant',
  permission: 'webhooks:write',
  replySchemas: { 204: 'It is deleted.' },
  refusals: ['NOT_FOUND'],
  async handle(request, { organizationId, keyId }) {
    const endpointId = endpointIdIn(request);
    const at = new Date(commands.now()).toISOString();
    const command = { type: 'Delete', organizationId, endpointId, at } as const;
    const metadata = metadataOf(request, keyId, organizationId);
    const deleted = await change(organizationId, command, metadata);
    if (deleted.outcome === 'rejected') return refused(deleted.reason);
    return { status: 204, logFields: { endpointId } };
  },
});
