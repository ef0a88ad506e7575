/** Revokes an API key of an organization. */
import { isId, type ApiKeyId } from '../../contracts/ids.js';
import { Refusal, type ApiRequest, type Reply, type Route } from '../../http/server/route.js';
import { operatorMetadata } from '../command-metadata.js';
import type { Commands } from '../command-infra.js';
import { organizationIn } from '../organization-in.js';
import { refused } from '../refusals.js';

export const deleteApiKeys = (commands: Commands): Route => ({
  method: 'DELETE',
  path: '/organizations/{id}/api-keys/{keyId}',
  summary: 'Revoke an API key',
  description: 'It is refused within one second everywhere.',
  tag: 'API keys',
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
