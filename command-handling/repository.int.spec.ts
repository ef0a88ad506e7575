import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import type { ApiKeyId, OrganizationId } from '../contracts/ids.js';
import { streamOf } from '../contracts/streams.js';
import * as Organization from '../domain/organization/organization.js';
import { StoreUnavailable } from '../infra/event-store/port.js';
import type { CommandMetadata } from './command-metadata.js';
import { openRepositories, type Repositories } from './repositories.js';
import { appendOf } from './streams.js';
import { kindsOfStores, newOrganization, watch, type Stores, type Watched } from './testing/kit.js';

const at = '2026-01-01T00:00:00.000Z';
const metadata: CommandMetadata = {
  actor: 'operator',
  correlationId: 'spec',
  causationId: 'spec',
  ip: '::1',
};
const newKey = (): ApiKeyId => `key_${randomUUID()}`;
const grant = (keyId: ApiKeyId) => ({ type: 'GrantKey', keyId, at }) as const;

for (const [kind, openStores] of Object.entries(kindsOfStores))
  describe(`a repository over the ${kind} store`, () => {
    let stores: Stores;
    let store: Watched;
    let organizations: Repositories['organizations'];
    /** As another process has it. */
    let others: Repositories['organizations'];
    let organizationId: OrganizationId;

    before(async () => {
      stores = await openStores();
    });
    after(() => stores.close());
    beforeEach(async () => {
      store = watch(stores.store);
      organizations = openRepositories(store).organizations;
      others = openRepositories(stores.store).organizations;
      organizationId = newOrganization();
      const command = { type: 'Create', organizationId, name: 'Acme', at } as const;
      await others.transact(organizationId, command, metadata);
    });

    const granted = (through = organizations, keyId = newKey()) =>
      through.transact(organizationId, grant(keyId), metadata);
    const keysIn = (state: Organization.State) => (state.status === 'created' ? state.keys : []);
    const keys = async () => keysIn((await others.load(organizationId)).state);

    it('appends what was decided, and answers with the state after it', async () => {
      const keyId = newKey();
      expect(await granted(organizations, keyId)).to.deep.equal({
        outcome: 'accepted',
        id: organizationId,
        state: { status: 'created', organizationId, name: 'Acme', keys: [keyId], quotas: {} },
        revision: 1,
        events: [{ type: 'ApiKeyGranted', data: { organizationId, keyId, at } }],
      });
      expect((await granted(organizations, keyId)).outcome).to.equal('alreadyDone');
      const [, event] = await store.readStream(streamOf('organization', organizationId));
      expect(event?.metadata).to.deep.include({ actor: 'operator', ip: '::1', schemaVersion: 1 });
    });

    it('reads a long stream from its snapshot on', async () => {
      const of = { organizationId, endpointId: `we_${randomUUID()}`, at } as const;
      const url = 'https://receiver.example';
      const many = Array.from({ length: 600 }, (_, n) =>
        n % 2 === 0
          ? ({ type: 'WebhookEndpointDisabled', data: { ...of, cause: 'gone' } } as const)
          : ({ type: 'WebhookEndpointEnabled', data: of } as const),
      );
      const { webhookEndpoints } = openRepositories(store);
      const register = { type: 'Register', ...of, url, events: [], isActive: true } as const;
      await webhookEndpoints.transact(organizationId, register, metadata);
      const stream = streamOf('webhookEndpoint', organizationId);
      await store.append({ appends: [appendOf(stream, 0, many, metadata)] });
      const whole = await webhookEndpoints.load(organizationId);
      store.counts.eventsRead = 0;
      const cold = openRepositories(store).webhookEndpoints;
      expect(await cold.load(organizationId)).to.deep.equal(whole);
      expect(whole.revision).to.equal(600);
      expect(store.counts.eventsRead).to.equal(0);
      await cold.transact(organizationId, { type: 'Delete', ...of }, metadata);
      expect((await openRepositories(store).webhookEndpoints.load(organizationId)).state)
        .to.have.property('endpoints')
        .that.deep.equals([]);
    });

    it('appends nothing when it is refused, or when there is nothing to be done', async () => {
      const stranger = newOrganization();
      const refused = await organizations.transact(stranger, grant(newKey()), metadata);
      expect(refused).to.deep.include({ outcome: 'rejected', reason: 'OrganizationUnknown' });
      const nothing = await organizations.transact(organizationId, () => undefined, metadata);
      expect(nothing.outcome).to.equal('alreadyDone');
      expect(store.appends).to.deep.equal([]);
    });

    it('decides a lost race again, on the newest state', async () => {
      store.before = async () => {
        if ((await keys()).length < 20) await granted(others);
      };
      for (let n = 0; n < 18; n++) await granted(others);
      expect((await granted()).outcome, 'the twentieth').to.equal('rejected');
      expect(await keys()).to.have.length(20);
    });

    it('decides each of many that race in one process', async () => {
      const all = await Promise.all(Array.from({ length: 60 }, () => granted()));
      expect(all.filter(({ outcome }) => outcome === 'accepted')).to.have.length(20);
      expect(all.filter(({ outcome }) => outcome === 'rejected')).to.have.length(40);
    });

    it('takes ten lost races in a row for an outage', async () => {
      store.before = async () => {
        const [first] = await keys();
        const withdraw = { type: 'WithdrawKey', keyId: first ?? newKey(), at } as const;
        if (first) await others.transact(organizationId, withdraw, metadata);
        else await granted(others);
      };
      const error = await granted().catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(StoreUnavailable);
    });

    it('recognises under the same token what had landed unheard', async () => {
      const loaded = await organizations.load(organizationId);
      const keyId = newKey();
      const once = (token: string) =>
        organizations.decide(loaded, grant(keyId), metadata, { token });
      const token = randomUUID();
      expect((await once(token)).outcome).to.equal('accepted');
      expect((await once(token)).outcome, 'the same append').to.equal('accepted');
      expect((await once(randomUUID())).outcome, 'somebody else’s').to.equal('conflict');
      expect(await keys()).to.deep.equal([keyId]);
    });

    it('takes a stream for unwritten only where it is', async () => {
      const command = { type: 'Create', organizationId, name: 'Acme', at } as const;
      const known = organizations.unwritten(organizationId);
      expect((await organizations.decide(known, command, metadata)).outcome).to.equal('conflict');
      const stranger = newOrganization();
      const created = { ...command, organizationId: stranger };
      const result = await organizations.decide(
        organizations.unwritten(stranger),
        created,
        metadata,
      );
      expect(result).to.deep.include({ outcome: 'accepted', revision: 0 });
      expect(store.counts.streamReads).to.equal(0);
    });

    it('gives each append its own time, and one object to the events of one moment', async () => {
      const stream = streamOf('organization', organizationId);
      const { events } = Organization.decide(
        (await others.load(organizationId)).state,
        grant(newKey()),
      ) as { events: readonly Organization.Event[] };
      const own = { ...metadata };
      const timeOf = (moment: { readonly events: readonly { metadata: { time: string } }[] }) =>
        moment.events[0]?.metadata.time;
      const first = appendOf(stream, 0, [...events, ...events], own);
      expect(first.events[0]?.metadata).to.equal(first.events[1]?.metadata);
      await new Promise((resolve) => setTimeout(resolve, 5));
      const before = new Date().toISOString();
      const second = appendOf(stream, 0, events, own);
      expect(timeOf(first)! < before && timeOf(second)! >= before).to.equal(true);
    });

    describe('and its cache', () => {
      const reads = () => ({
        streams: store.counts.streamReads,
        events: store.counts.eventsRead,
      });

      it('reads nothing when it knows the revision that is asked for', async () => {
        const first = await organizations.load(organizationId, { atLeast: 0 });
        expect(first.revision).to.equal(0);
        expect(reads()).to.deep.equal({ streams: 1, events: 1 });
        expect(await organizations.load(organizationId, { atLeast: 0 })).to.equal(first);
        expect(reads().streams).to.equal(1);
      });

      it('knows what it appended', async () => {
        const keyId = newKey();
        await granted(organizations, keyId);
        expect(reads()).to.deep.equal({ streams: 1, events: 1 });
        const { state, revision } = await organizations.load(organizationId, { atLeast: 1 });
        expect([keysIn(state), revision]).to.deep.equal([[keyId], 1]);
        expect((await granted()).outcome).to.equal('accepted');
        expect(reads().streams).to.equal(1);
      });

      it('reads what follows when the revision lies beyond, or when none is named', async () => {
        await organizations.load(organizationId);
        const [one, two] = [newKey(), newKey()];
        await granted(others, one);
        const beyond = await organizations.load(organizationId, { atLeast: 1 });
        expect([keysIn(beyond.state), beyond.revision]).to.deep.equal([[one], 1]);
        expect(reads()).to.deep.equal({ streams: 2, events: 2 });
        await granted(others, two);
        expect(await organizations.load(organizationId, { atLeast: 1 })).to.equal(beyond);
        const newest = await organizations.load(organizationId);
        expect([keysIn(newest.state), newest.revision]).to.deep.equal([[one, two], 2]);
        expect(reads()).to.deep.equal({ streams: 3, events: 3 });
        expect(keysIn(beyond.state), 'as it was').to.deep.equal([one]);
      });

      it('is refused what it decides on a stale state, reads on and decides again', async () => {
        await organizations.load(organizationId);
        const [theirs, ours] = [newKey(), newKey()];
        await granted(others, theirs);
        const result = await granted(organizations, ours);
        expect(result).to.deep.include({ outcome: 'accepted', revision: 2 });
        expect(store.appends).to.have.length(2);
        expect(reads()).to.deep.equal({ streams: 2, events: 2 });
        expect(await keys()).to.deep.equal([theirs, ours]);
      });

      it('asks the log before it answers that nothing is to be done', async () => {
        const keyId = newKey();
        await granted(organizations, keyId);
        const withdraw = { type: 'WithdrawKey', keyId, at } as const;
        await others.transact(organizationId, withdraw, metadata);
        expect((await granted(organizations, keyId)).outcome, 'no longer').to.equal('accepted');
        expect((await granted(organizations, keyId)).outcome, 'now').to.equal('alreadyDone');
        const ifEmpty = (state: Organization.State) =>
          keysIn(state).length === 0 ? grant(keyId) : undefined;
        await others.transact(organizationId, withdraw, metadata);
        const chosen = await organizations.transact(organizationId, ifEmpty, metadata);
        expect(chosen.outcome, 'a command of the state').to.equal('accepted');
      });

      it('asks the log before it refuses', async () => {
        const stranger = newOrganization();
        const create = { type: 'Create', organizationId: stranger, name: 'Acme', at } as const;
        await organizations.transact(stranger, create, metadata);
        const full = Array.from({ length: 20 }, newKey);
        for (const keyId of full) await organizations.transact(stranger, grant(keyId), metadata);
        const [first = newKey()] = full;
        await others.transact(stranger, { type: 'WithdrawKey', keyId: first, at }, metadata);
        const one = await organizations.transact(stranger, grant(newKey()), metadata);
        expect(one.outcome, 'there is a place').to.equal('accepted');
        const more = await organizations.transact(stranger, grant(newKey()), metadata);
        expect(more).to.deep.include({ outcome: 'rejected', reason: 'TooManyKeys' });
      });

      it('learns an event that follows what it knows, and no other', async () => {
        const stream = streamOf('organization', organizationId);
        const [created] = await stores.store.readStream(stream);
        const keyId = newKey();
        const event = {
          stream,
          type: 'ApiKeyGranted',
          data: { organizationId, keyId, at },
        } as const;
        await granted(others, keyId);
        organizations.learn({ ...event, revision: 1 });
        organizations.learn(created as never);
        organizations.learn({ ...event, revision: 2 });
        organizations.learn({ ...event, revision: 1 });
        organizations.learn(created as never);
        const { state, revision } = await organizations.load(organizationId, { atLeast: 1 });
        expect([keysIn(state), revision]).to.deep.equal([[keyId], 1]);
        expect(store.counts.streamReads).to.equal(0);
      });

      it('drops a state that is beyond the end of the log', async () => {
        await granted();
        await granted();
        store.append = async () => [{ status: 'conflict', actualRevision: 0 }];
        store.readStream = async (stream) => {
          const events = await stores.store.readStream(stream);
          return events.slice(0, 1);
        };
        const loaded = await organizations.load(organizationId, { atLeast: 2 });
        const refused = await organizations.decide(loaded, grant(newKey()), metadata);
        expect(refused.outcome).to.equal('conflict');
        expect((await organizations.load(organizationId, { atLeast: 2 })).revision).to.equal(0);
      });
    });
  });
