import { expect } from 'chai';
import type { RequestRate } from '../../contracts/events/organization.js';
import type { ApiKeyId, OrganizationId } from '../../contracts/ids.js';
import { specFor } from '../testing/given-when-then.js';
import * as ApiKey from './api-key.js';

const { given } = specFor(ApiKey);
const organizationId: OrganizationId = 'org_1';
const keyId: ApiKeyId = 'key_1';
const at = '2026-01-01T00:00:00.000Z';
const minute = (n: number) => new Date(Date.parse(at) + n * 60_000).toISOString();
const hash = (n: number) => String(n).repeat(64);

const data = {
  organizationId,
  keyId,
  name: 'back end',
  permission: 'FULL',
  hash: hash(0),
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
const rotate = (n: number, when: string, of = organizationId): ApiKey.Command => ({
  type: 'Rotate',
  organizationId: of,
  hash: hash(n),
  hint: `${n}${n}${n}${n}`,
  at: when,
});
const change = (limits: object, name = 'back end', of = organizationId): ApiKey.Command => ({
  type: 'Change',
  organizationId: of,
  name,
  limits,
  at,
});
const created: ApiKey.Event = { type: 'ApiKeyCreated', data };
const revoked: ApiKey.Event = { type: 'ApiKeyRevoked', data: { organizationId, keyId, at } };
const secretAdded: ApiKey.Event = {
  type: 'ApiKeySecretAdded',
  data: { organizationId, keyId, at },
};
const changed = (limits: object, name = 'back end'): ApiKey.Event => ({
  type: 'ApiKeyChanged',
  data: { organizationId, keyId, name, ...limits, at },
});
const rotated = (n: number, when: string, previousValidUntil: string): ApiKey.Event => ({
  type: 'ApiKeyRotated',
  data: {
    organizationId,
    keyId,
    hash: hash(n),
    hint: `${n}${n}${n}${n}`,
    previousValidUntil,
    at: when,
  },
});

describe('ApiKey', () => {
  it('is created once: a key that hashes the same is the same key', () => {
    given().when(create).then(created);
    given(created).when(create).thenRejected('KeyExists');
    given(created, revoked).when(create).thenRejected('KeyExists');
    given(secretAdded).when(create).thenRejected('KeyExists');
  });

  it('is revoked once, and stays so', () => {
    given(created).when(revoke()).then(revoked);
    given(created, revoked).when(revoke()).thenAlreadyDone();
    given(created, revoked).when(rotate(1, at)).thenRejected('KeyUnknown');
    given(created, revoked).when(change({})).thenRejected('KeyUnknown');
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
    for (const command of [revoke('org_2'), rotate(1, at, 'org_2'), change({}, 'x', 'org_2')]) {
      given().when(command).thenRejected('KeyUnknown');
      given(created).when(command).thenRejected('KeyUnknown');
      given(created, revoked).when(command).thenRejected('KeyUnknown');
    }
  });

  it('has no name of its own in the stream of a later secret', () => {
    for (const command of [revoke(), rotate(1, at), change({})])
      given(secretAdded).when(command).thenRejected('KeyUnknown');
  });

  it('is changed as a whole, and not where all is as it was', () => {
    const limits = { allowedModels: ['a'], require: { region: 'eu', training: 'never' } };
    given(created).when(change({})).thenAlreadyDone();
    given(created).when(change({}, 'other')).then(changed({}, 'other'));
    given(created).when(change(limits)).then(changed(limits));
    given(created, changed(limits))
      .when(change({ require: { training: 'never', region: 'eu' }, allowedModels: ['a'] }))
      .thenAlreadyDone();
    given(created, changed(limits)).when(change({})).then(changed({}));
  });

  it('is rotated: the secret before lives for an hour more', () => {
    given(created)
      .when(rotate(1, at))
      .then(rotated(1, at, minute(60)));
  });

  it('keeps each replaced secret for its own hour when it is rotated again', () => {
    const twice = [created, rotated(1, at, minute(60)), rotated(2, minute(10), minute(70))];
    const state = twice.reduce(ApiKey.evolve, ApiKey.initial());
    if (state.status !== 'active') throw new Error('it is active');
    const living = (n: number) =>
      ApiKey.livingSecrets(state.key, minute(n)).map(({ hint }) => hint);
    expect(living(10)).to.deep.equal(['abcd', '1111', '2222']);
    expect(living(59)).to.deep.equal(['abcd', '1111', '2222']);
    expect(living(60)).to.deep.equal(['1111', '2222']);
    expect(living(70)).to.deep.equal(['2222']);
  });

  it('forgets secrets that are over, and has a bounded number that are not', () => {
    const often = (count: number) =>
      Array.from({ length: count }, (_, n) => rotated(n % 10, minute(n), minute(n + 60)));
    given(created, ...often(9))
      .when(rotate(1, minute(9)))
      .thenRejected('RotatedTooOften');
    given(created, ...often(8))
      .when(rotate(9, minute(9)))
      .then(rotated(9, minute(9), minute(69)));
    given(created, ...often(9))
      .when(rotate(1, minute(60)))
      .then(rotated(1, minute(60), minute(120)));
    const state = [created, ...often(200)].reduce(ApiKey.evolve, ApiKey.initial());
    expect(state).to.have.nested.property('key.secrets').with.lengthOf(61);
  });

  it('is not rotated once it has expired', () => {
    given(created, changed({ expiresAt: minute(5) }))
      .when(rotate(1, minute(5)))
      .thenRejected('KeyExpired');
    given(created, changed({ expiresAt: minute(5) }))
      .when(rotate(1, minute(4)))
      .then(rotated(1, minute(4), minute(64)));
  });
});
