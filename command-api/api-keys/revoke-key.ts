/**
 * Revokes an API key and frees its place. The organization is decided first, so that of keys which
 * delete one another at once the last owner is left. Nobody revokes a key that may do more.
 */
import type { ApiKeyRevoked } from '../../contracts/events/api-key.js';
import { streamOf } from '../../contracts/streams.js';
import type { ApiKeyId } from '../../contracts/ids.js';
import { isExpired, type Key, type State } from '../../domain/api-key/api-key.js';
import type * as Organization from '../../domain/organization/organization.js';
import { appendOf } from '../../command-handling/streams.js';
import { StoreUnavailable } from '../../infra/event-store/port.js';
import type { Refusal, Reply } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { refused } from '../refusals.js';
import { beyond, type KeyAsker } from './key-asker.js';
import { limitBeyond } from './limit-beyond.js';

const ATTEMPTS_MAX = 10;

export async function revokeKey(
  commands: Commands,
  asker: KeyAsker,
  keyId: ApiKeyId,
): Promise<Reply | Refusal> {
  const { apiKeys, now } = commands;
  const { organizationId, metadata } = asker;
  const at = new Date(now()).toISOString();
  const withdrawn = await withdraw(commands, asker, keyId, at);
  if (withdrawn instanceof Error) return withdrawn;
  const revocation = { type: 'Revoke', organizationId, keyId, at } as const;
  const revoked = await apiKeys.transact(keyId, revocation, metadata);
  // A place that was granted to a key which never came to be is freed; any other key is unknown.
  if (revoked.outcome === 'rejected' && !withdrawn.wasGranted) return refused(revoked.reason);
  return { status: 204, logFields: { organizationId, keyId } };
}

/** Frees the place and, together with it, revokes the key. */
async function withdraw(
  { apiKeys, organizations }: Commands,
  { organizationId, metadata, key: asking }: KeyAsker,
  keyId: ApiKeyId,
  at: string,
): Promise<{ readonly wasGranted: boolean } | Refusal> {
  return organizations.inTurn(organizationId, async () => {
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      const loaded = await organizations.load(organizationId);
      const { state, revision } = await apiKeys.load(keyId);
      if (isNobodys(loaded.state, state, { organizationId, keyId })) return refused('KeyUnknown');
      const wider =
        asking && state.status === 'active' && limitBeyond(state.key.limits, asking.limits);
      if (wider) return beyond(wider);
      const keys = loaded.state.status === 'created' ? loaded.state.keys : [];
      if (asking && isOwner(state, at)) {
        const others = await Promise.all(
          keys.filter((id) => id !== keyId).map((id) => apiKeys.load(id)),
        );
        if (!others.some((other) => isOwner(other.state, at))) return refused('LastOwner');
      }
      const data = { organizationId, keyId, at };
      const revoked: ApiKeyRevoked = { type: 'ApiKeyRevoked', data };
      const dependents =
        state.status === 'active'
          ? [appendOf(streamOf('apiKey', keyId), revision, [revoked], metadata)]
          : [];
      const command = { type: 'WithdrawKey', keyId, at } as const;
      const result = await organizations.decide(loaded, command, metadata, {
        dependents,
      });
      if (result.outcome === 'rejected') return refused(result.reason);
      if (result.outcome !== 'conflict') return { wasGranted: result.outcome === 'accepted' };
    }
    throw new StoreUnavailable(`${organizationId} is written to by too many at once`);
  });
}

/** Another organization's key is refused as soon as one that is not there, and no later. */
function isNobodys(
  organization: Organization.State,
  state: State,
  { organizationId, keyId }: Pick<Key, 'organizationId' | 'keyId'>,
): boolean {
  if (organization.status !== 'created') return false;
  const isOfOne = state.status === 'active' || state.status === 'revoked';
  return isOfOne ? state.key.organizationId !== organizationId : !organization.keys.includes(keyId);
}

/** Whether it may manage keys now. */
const isOwner = (state: State, at: string): boolean =>
  state.status === 'active' && state.key.permission === 'FULL' && !isExpired(state.key, at);
