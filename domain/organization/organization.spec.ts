import { expect } from 'chai';
import fc from 'fast-check';
import type { Quotas, RequestRate } from '../../contracts/events/organization.js';
import type { ApiKeyId, OrganizationId } from '../../contracts/ids.js';
import { specFor } from '../testing/given-when-then.js';
import * as Organization from './organization.js';

const { given } = specFor(Organization);
const organizationId: OrganizationId = 'org_1';
const at = '2026-01-01T00:00:00.000Z';
const key = (n: number): ApiKeyId => `key_${n}`;

const create = (name = 'Acme'): Organization.Command => ({
  type: 'Create',
  organizationId,
  name,
  at,
});
const grant = (n: number): Organization.Command => ({ type: 'GrantKey', keyId: key(n), at });
const withdraw = (n: number): Organization.Command => ({ type: 'WithdrawKey', keyId: key(n), at });

const created: Organization.Event = {
  type: 'OrganizationCreated',
  data: { organizationId, name: 'Acme', at },
};
const granted = (n: number): Organization.Event => ({
  type: 'ApiKeyGranted',
  data: { organizationId, keyId: key(n), at },
});
const withdrawn = (n: number): Organization.Event => ({
  type: 'ApiKeyWithdrawn',
  data: { organizationId, keyId: key(n), at },
});
const grants = (count: number) => Array.from({ length: count }, (_, n) => granted(n));

describe('Organization', () => {
  it('is created once, under one name', () => {
    given().when(create()).then(created);
    given(created).when(create()).thenAlreadyDone();
    given(created).when(create('Other')).thenRejected('OrganizationExists');
  });

  it('has keys only once it exists', () => {
    given().when(grant(1)).thenRejected('OrganizationUnknown');
    given().when(withdraw(1)).thenRejected('OrganizationUnknown');
  });

  it('grants a key once', () => {
    given(created).when(grant(1)).then(granted(1));
    given(created, granted(1)).when(grant(1)).thenAlreadyDone();
  });

  it('has twenty places for keys', () => {
    given(created, ...grants(19))
      .when(grant(99))
      .then(granted(99));
    given(created, ...grants(20))
      .when(grant(99))
      .thenRejected('TooManyKeys');
    given(created, ...grants(20))
      .when(grant(3))
      .thenAlreadyDone();
    given(created, ...grants(20), withdrawn(3))
      .when(grant(99))
      .then(granted(99));
  });

  it('withdraws a key once; one that it does not have is nothing to withdraw', () => {
    given(created, granted(1)).when(withdraw(1)).then(withdrawn(1));
    given(created, granted(1), withdrawn(1)).when(withdraw(1)).thenAlreadyDone();
    given(created).when(withdraw(1)).thenAlreadyDone();
  });

  it('has the quotas that an operator sets, each by itself, until it is as everybody’s', () => {
    const set = (changes: Organization.QuotaChanges): Organization.Command => ({
      type: 'SetQuotas',
      changes,
      at,
    });
    const have = (quotas: Partial<Quotas & RequestRate>): Organization.Event => ({
      type: 'OrganizationQuotasSet',
      data: { organizationId, ...quotas, at },
    });
    given()
      .when(set({ weight: 2 }))
      .thenRejected('OrganizationUnknown');
    given(created).when(set({})).thenAlreadyDone();
    given(created)
      .when(set({ weight: null }))
      .thenAlreadyDone();
    given(created)
      .when(set({ weight: 2 }))
      .then(have({ weight: 2 }));
    given(created, have({ weight: 2 }))
      .when(set({ weight: 2 }))
      .thenAlreadyDone();
    given(created, have({ weight: 2 }))
      .when(set({ storageBytes: 5, waitingExecutions: 7 }))
      .then(have({ waitingExecutions: 7, storageBytes: 5, weight: 2 }));
    given(created, have({ weight: 2 }))
      .when(set({ requestsPerMinute: 0, requestBurst: 9 }))
      .then(have({ weight: 2, requestsPerMinute: 0, requestBurst: 9 }));
    given(created, have({ storageBytes: 5, weight: 2 }), granted(1))
      .when(set({ weight: null }))
      .then(have({ storageBytes: 5 }));
  });

  it('never has more keys than places, nor forgets one, through any walk', () => {
    const n = fc.integer({ min: 0, max: 30 });
    const command = fc.oneof(n.map(grant), n.map(grant), n.map(withdraw), fc.constant(create()));
    fc.assert(fc.property(fc.array(command, { maxLength: 200 }), walk));
  });
});

function walk(commands: readonly Organization.Command[]): void {
  let state = Organization.initial();
  const keys = new Set<ApiKeyId>();
  for (const command of commands) {
    const decision = Organization.decide(state, command);
    if (decision.kind !== 'accepted') continue;
    state = decision.events.reduce(Organization.evolve, state);
    if (command.type === 'GrantKey') keys.add(command.keyId);
    if (command.type === 'WithdrawKey') keys.delete(command.keyId);
    expect(keys.size).to.be.at.most(Organization.KEYS_MAX);
    expect(state.status === 'created' && new Set(state.keys)).to.deep.equal(keys);
    expect(Organization.decide(state, command).kind, 'issued again').to.equal('alreadyDone');
  }
}
