/** Creates an API key of an organization. */
import { randomBytes } from 'node:crypto';
import { momentMs } from '../../contracts/http/moment.js';
import {
  createApiKeySchema,
  createdApiKeySchema,
  type CreateApiKeyBody,
} from '../../contracts/http/organizations.js';
import { apiKeyText } from '../../http/server/api-key-text.js';
import type { Route } from '../../http/server/route.js';
import { operatorMetadata } from '../command-metadata.js';
import type { Commands } from '../command-infra.js';
import { organizationIn } from '../organization-in.js';
import { invalidField, refused } from '../refusals.js';
import { grantKey } from './grant-key.js';

export const postApiKeys = (commands: Commands): Route => ({
  method: 'POST',
  path: '/organizations/{id}/api-keys',
  summary: 'Create an API key',
  description: 'The key is shown this once; only its hash is kept. At most 20 per organization.',
  tag: 'API keys',
  audience: 'operator',
  bodySchema: createApiKeySchema,
  replySchemas: { 201: createdApiKeySchema },
  refusals: ['NOT_FOUND', 'CONFLICT'],
  async handle(request) {
    const { name, permission = 'FULL', expires_at } = request.body as CreateApiKeyBody;
    const organizationId = organizationIn(request);
    const createdAt = new Date(commands.now()).toISOString();
    const expiresAt = expires_at === undefined ? undefined : futureMoment(expires_at, createdAt);
    const key = apiKeyText(randomBytes(32));
    const metadata = operatorMetadata(request, organizationId);
    const about = { name, permission, ...(expiresAt && { expiresAt }) };
    const granted = await grantKey(commands, organizationId, key, about, createdAt, metadata);
    if ('reason' in granted) return refused(granted.reason);
    const { keyId } = granted;
    return {
      status: 201,
      body: {
        id: keyId,
        name,
        permission,
        created_at: createdAt,
        expires_at: expiresAt ?? null,
        key,
      },
      logFields: { organizationId, keyId },
    };
  },
});

function futureMoment(text: string, now: string): string {
  const ms = text.includes('T') ? momentMs(text) : undefined;
  if (ms === undefined)
    throw invalidField('expires_at', 'format', 'must be a moment in ISO 8601 with its time zone');
  if (ms <= Date.parse(now)) throw invalidField('expires_at', 'past', 'must lie in the future');
  return new Date(ms).toISOString();
}
