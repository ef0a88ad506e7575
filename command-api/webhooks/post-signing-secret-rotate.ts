/** Replaces the secret that signs what goes to `webhook_url`s, and shows the new one once. */
import { rotatedSigningSecretSchema } from '../../contracts/http/webhook-endpoints.js';
import type { Route } from '../../http/server/route.js';
import { metadataOf } from '../command-metadata.js';
import type { Commands } from '../command-infra.js';
import { askedUnderKey } from './asked-under-key.js';
import type { ChangeSettings } from './change-settings.js';
import { rotationReply, ROTATION_HEADERS } from './rotation-reply.js';

export const postSigningSecretRotate = (commands: Commands, change: ChangeSettings): Route => ({
  method: 'POST',
  path: '/webhooks/signing-secret/rotate',
  summary: "Rotate the organization's signing secret",
  description:
    'It signs what goes to the `webhook_url` of executions; endpoints have secrets of their own. ' +
    'Both secrets sign for 24 hours. Rotated again within them, up to three sign: each that was ' +
    'replaced for 24 hours. The new one is shown this once.',
  tag: 'Webhooks',
  audience: 'tenant',
  permission: 'webhooks:write',
  headers: ROTATION_HEADERS,
  replySchemas: { 200: rotatedSigningSecretSchema },
  refusals: ['CONFLICT', 'IDEMPOTENCY_MISMATCH'],
  async handle(request, caller) {
    const { organizationId, keyId } = caller;
    const { secrets, webhooks, now } = commands;
    const asked = askedUnderKey(secrets, request, caller, { about: 'signing-secret' });
    await webhooks.setUp(organizationId);
    const at = new Date(now()).toISOString();
    const command = { type: 'RotateSigningSecret', organizationId, ...asked, at } as const;
    const metadata = metadataOf(request, keyId, organizationId);
    const rotated = await change(organizationId, command, metadata);
    const secret = rotated.state.signingSecret;
    return rotationReply(rotated, { secret, at, ...asked }, (generation) => ({
      secret: secrets.webhookSecret(organizationId, generation),
    }));
  },
});
