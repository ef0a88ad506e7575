/** Grants an organization a key: its place on the organization first, the key right behind it. */
import type { ApiKeyCreated, KeyLimits } from '../../contracts/events/api-key.js';
import { apiKeyIdOf, type ApiKeyId, type OrganizationId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import * as Organization from '../../domain/organization/organization.js';
import type { CommandMetadata } from '../../command-handling/command-metadata.js';
import { appendOf } from '../../command-handling/streams.js';
import { NO_STREAM, StoreUnavailable } from '../../infra/event-store/port.js';
import { apiKeyHash } from '../../http/server/api-key-text.js';
import type { Commands } from '../command-infra.js';

interface About extends Pick<ApiKeyCreated['data'], 'name' | 'permission'> {
  readonly limits: KeyLimits;
}

const ATTEMPTS_MAX = 10;

/** `key` is the key's own text; the log learns its hash and its last four characters. */
export async function grantKey(
  { organizations, store }: Pick<Commands, 'organizations' | 'store'>,
  organizationId: OrganizationId,
  key: string,
  { limits, ...about }: About,
  at: string,
  metadata: CommandMetadata,
): Promise<{ readonly keyId: ApiKeyId } | { readonly reason: Organization.Rejection }> {
  const hash = apiKeyHash(key);
  const keyId = apiKeyIdOf(hash);
  const created: ApiKeyCreated = {
    type: 'ApiKeyCreated',
    data: { organizationId, keyId, ...about, ...limits, hash, hint: key.slice(-4), at },
  };
  return organizations.inTurn(organizationId, async () => {
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      const { state, revision } = await organizations.load(organizationId);
      const decision = Organization.decide(state, { type: 'GrantKey', keyId, at });
      if (decision.kind === 'rejected') return decision;
      if (decision.kind === 'alreadyDone') throw new Error(`${keyId} is granted before it exists`);
      const outcomes = await store.append({
        appends: [
          appendOf(streamOf('organization', organizationId), revision, decision.events, metadata),
          appendOf(streamOf('apiKey', keyId), NO_STREAM, [created], metadata),
        ],
      });
      if (outcomes.every(({ status }) => status === 'appended')) return { keyId };
    }
    throw new StoreUnavailable(`${organizationId} is written to by too many at once`);
  });
}
