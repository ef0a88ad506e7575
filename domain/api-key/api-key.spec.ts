import type { ApiKeyId, OrganizationId } from '../../contracts/ids.js';
import { specFor } from '../testing/given-when-then.js';
import * as ApiKey from './api-key.js';

const { given } = specFor(ApiKey);
const organizationId: OrganizationId = 'org_1';
const keyId: ApiKeyId = 'key_1';
const at = '2026-01-01T00:00:00.000Z';

const data = {
  organizationId,
  keyId,
  name: 'back end',
  permission: 'FULL',
  hash: '0'.repeat(64),
  hint: 'abcd',
  at,
} as const;
const create: ApiKey.Command = { type: 'Create', data };
const revoke = (of: OrganizationId = organizationId): ApiKey.Command => ({
  type: 'Revoke',
  organizationId: of,
  keyId,
  at,
});
const created: ApiKey.Event = { type: 'ApiKeyCreated', data };
const revoked: ApiKey.Event = { type: 'ApiKeyRevoked', data: { organizationId, keyId, at } };

describe('ApiKey', () => {
  it('is created once: a key that hashes the same is the same key', () => {
    given().when(create).then(created);
    given(created).when(create).thenRejected('KeyExists');
    given(created, revoked).when(create).thenRejected('KeyExists');
  });

  it('is revoked once, and stays so', () => {
    given(created).when(revoke()).then(revoked);
    given(created, revoked).when(revoke()).thenAlreadyDone();
  });

  it('is unknown to everybody but its organization', () => {
    given().when(revoke()).thenRejected('KeyUnknown');
    given(created).when(revoke('org_2')).thenRejected('KeyUnknown');
  });
});
