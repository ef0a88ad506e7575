/** The operator grants and revokes an organization's API keys. */
import { randomBytes } from 'node:crypto';
import {
  createApiKeySchema,
  createdApiKeySchema,
  type CreateApiKeyBody,
} from '../../contracts/http/organizations.js';
import { isId, type ApiKeyId, type OrganizationId } from '../../contracts/ids.js';
import { apiKeyText } from '../../http/server/api-key-text.js';
import { Refusal, type ApiRequest, type Reply, type Route } from '../../http/server/route.js';
import { operatorMetadata } from '../command-metadata.js';
import type { Commands } from '../command-infra.js';
import { grantKey } from './grant-key.js';
import { invalidField, refused } from '../refusals.js';

const PATH = '/organizations/{id}/api-keys';
const TAG = 'API keys';

export const postApiKeys = (commands: Commands): Route => ({
  method: 'POST',
  path: PATH,
  summary: 'Create an API key',
  description: 'The key is shown this once; only its hash is kept. At most 20 per organization.',
  tag: TAG,
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

export const deleteApiKeys = (commands: Commands): Route => ({
  method: 'DELETE',
  path: `${PATH}/{keyId}`,
  summary: 'Revoke an API key',
  description: 'It is refused within one second everywhere.',
  tag: TAG,
  audience: 'operator',
  replySchemas: { 204: 'Revoked; also when it was before.' },
  refusals: ['NOT_FOUND'],
  handle: (request) => revoke(commands, request),
});

/** Revoked first: a place must not be free while its key still opens the door. */
async function revoke(
  { apiKeys, organizations, now }: Commands,
  request: ApiRequest,
): Promise<Reply | Refusal> {
  const organizationId = organizationIn(request);
  const keyId = request.params['keyId'] as ApiKeyId;
  if (!isId('key', keyId)) return new Refusal('NOT_FOUND');
  const at = new Date(now()).toISOString();
  const metadata = operatorMetadata(request, organizationId);
  const revocation = { type: 'Revoke', organizationId, keyId, at } as const;
  const { state } = await apiKeys.load(keyId);
  if (state.status !== 'none' && state.key.organizationId !== organizationId)
    return new Refusal('NOT_FOUND');
  const revoked = await apiKeys.transact(keyId, revocation, metadata);
  const withdrawal = { type: 'WithdrawKey', keyId, at } as const;
  const withdrawn = await organizations.transact(organizationId, withdrawal, metadata);
  if (withdrawn.outcome === 'rejected') return refused(withdrawn.reason);
  // A place that was granted to a key which never came to be is freed; any other key is unknown.
  if (revoked.outcome === 'rejected' && withdrawn.outcome === 'alreadyDone')
    return refused(revoked.reason);
  return { status: 204, logFields: { organizationId, keyId } };
}

/** Throws a `Refusal` when it cannot be one. */
function organizationIn(request: ApiRequest): OrganizationId {
  const id = request.params['id'] ?? '';
  if (isId('org', id)) return id as OrganizationId;
  throw new Refusal('NOT_FOUND');
}

const isoMoment = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/;

function futureMoment(text: string, now: string): string {
  const ms = isoMoment.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(ms))
    throw invalidField('expires_at', 'format', 'must be a moment in ISO 8601 with its time zone');
  if (ms <= Date.parse(now)) throw invalidField('expires_at', 'past', 'must lie in the future');
  return new Date(ms).toISOString();
}
