import type { RequestRate } from '../../contracts/events/organization.js';
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

  it('has a rate of requests of its own, each part until it is as its organization’s', () => {
    const set = (changes: ApiKey.RequestRateChanges): ApiKey.Command => ({
      type: 'SetRequestRate',
      organizationId,
      keyId,
      changes,
      at,
    });
    const have = (rate: Partial<RequestRate>): ApiKey.Event => ({
      type: 'ApiKeyRequestRateSet',
      data: { organizationId, keyId, ...rate, at },
    });
    given()
      .when(set({ requestsPerMinute: 5 }))
      .thenRejected('KeyUnknown');
    given(created).when(set({})).thenAlreadyDone();
    given(created)
      .when(set({ requestsPerMinute: 0 }))
      .then(have({ requestsPerMinute: 0 }));
    given(created, have({ requestsPerMinute: 5 }))
      .when(set({ requestBurst: 7 }))
      .then(have({ requestsPerMinute: 5, requestBurst: 7 }));
    given(created, have({ requestsPerMinute: 5, requestBurst: 7 }))
      .when(set({ requestsPerMinute: null }))
      .then(have({ requestBurst: 7 }));
    given(created, revoked)
      .when(set({ requestsPerMinute: 5 }))
      .thenRejected('KeyUnknown');
  });

  it('is unknown to everybody but its organization', () => {
    given().when(revoke()).thenRejected('KeyUnknown');
    given(created).when(revoke('org_2')).thenRejected('KeyUnknown');
  });
});
