/** Replaces the secret of a webhook endpoint, and shows the new one once. */
import { rotatedEndpointSecretSchema } from '../../contracts/http/webhook-endpoints.js';
import { endpointOf } from '../../domain/webhook-endpoint/webhook-endpoint.js';
import type { Route } from '../../http/server/route.js';
import { metadataOf } from '../command-metadata.js';
import type { Commands } from '../command-infra.js';
import { askedUnderKey } from './asked-under-key.js';
import type { ChangeSettings } from './change-settings.js';
import { endpointIdIn } from './endpoint-id.js';
import { rotationReply, ROTATION_HEADERS } from './rotation-reply.js';

export const postEndpointsRotateSecret = (commands: Commands, change: ChangeSettings): Route => ({
  method: 'POST',
  path: '/webhooks/endpoints/{id}/rotate-secret',
  summary: 'Rotate the secret of a webhook endpoint',
  description:
    'Both secrets sign for 24 hours. Rotated again within them, up to three sign: each that was ' +
    'replaced for 24 hours. The new one is shown this once.',
  tag: 'Webhooks',
  audience: 'tenant',
  permission: 'webhooks:write',
  headers: ROTATION_HEADERS,
  replySchemas: { 200: rotatedEndpointSecretSchema },
  refusals: ['NOT_FOUND', 'CONFLICT', 'IDEMPOTENCY_MISMATCH'],
  async handle(request, caller) {
    const { organizationId, keyId } = caller;
    const { secrets, now } = commands;
    const endpointId = endpointIdIn(request);
    const asked = askedUnderKey(secrets, request, caller, { about: `secret/${endpointId}` });
    const at = new Date(now()).toISOString();
    const command = { type: 'RotateSecret', organizationId, endpointId, ...asked, at } as const;
    const metadata = metadataOf(request, keyId, organizationId);
    const rotated = await change(organizationId, command, metadata);
    const secret = endpointOf(rotated.state, endpointId)?.secret;
    return rotationReply(rotated, { secret, at, ...asked }, (generation) => ({
      id: endpointId,
      secret: secrets.endpointSecret(endpointId, generation),
    }));
  },
});
