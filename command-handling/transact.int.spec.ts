import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import type { ApiKeyId, OrganizationId } from '../contracts/ids.js';
import { streamOf } from '../contracts/streams.js';
import * as Organization from '../domain/organization/organization.js';
import { StoreUnavailable } from '../infra/event-store/port.js';
import { kindsOfStores, newOrganization, watch, type Stores, type Watched } from './testing/kit.js';
import { decideOnce, load, transact, type Cause } from './transact.js';

const at = '2026-01-01T00:00:00.000Z';
const cause: Cause = { actor: 'operator', correlationId: 'spec', causationId: 'spec', ip: '::1' };
const newKey = (): ApiKeyId => `key_${randomUUID()}`;

for (const [kind, openStores] of Object.entries(kindsOfStores))
  describe(`transact over the ${kind} store`, () => {
    let stores: Stores;
    let store: Watched;
    let organizationId: OrganizationId;

    before(async () => {
      stores = await openStores();
    });
    after(() => stores.close());
    beforeEach(async () => {
      store = watch(stores.store);
      organizationId = newOrganization();
      const command = { type: 'Create', organizationId, name: 'Acme', at } as const;
      await transact(stores.store, Organization, organizationId, command, cause);
    });

    const grant = (keyId: ApiKeyId) => ({ type: 'GrantKey', keyId, at }) as const;
    const granted = (through = store, keyId = newKey()) =>
      transact(through, Organization, organizationId, grant(keyId), cause);
    const keys = async () => {
      const { state } = await load(stores.store, Organization, organizationId);
      return state.status === 'created' ? state.keys : [];
    };

    it('appends what was decided, and answers with what stands after it', async () => {
      const keyId = newKey();
      expect(await granted(store, keyId)).to.deep.equal({
        outcome: 'accepted',
        state: { status: 'created', organizationId, name: 'Acme', keys: [keyId] },
        revision: 1,
        events: [{ type: 'ApiKeyGranted', data: { organizationId, keyId, at } }],
      });
      expect((await granted(store, keyId)).outcome).to.equal('alreadyDone');
      const [, event] = await store.readStream(streamOf('organization', organizationId));
      expect(event?.metadata).to.deep.include({ actor: 'operator', ip: '::1', schemaVersion: 1 });
    });

    it('appends nothing when it is refused, or when there is nothing to be done', async () => {
      const stranger = newOrganization();
      const refused = await transact(store, Organization, stranger, grant(newKey()), cause);
      expect(refused).to.deep.include({ outcome: 'rejected', reason: 'OrganizationUnknown' });
      const nothing = await transact<
        Organization.State,
        Organization.Command,
        Organization.Event,
        Organization.Rejection
      >(store, Organization, organizationId, () => undefined, cause);
      expect(nothing.outcome).to.equal('alreadyDone');
      expect(store.appends).to.deep.equal([]);
    });

    it('decides a lost race again, on the newest state', async () => {
      store.before = async () => {
        if ((await keys()).length < 20) await granted(watch(stores.store));
      };
      for (let n = 0; n < 18; n++) await granted(watch(stores.store));
      expect((await granted()).outcome, 'the twentieth').to.equal('rejected');
      expect(await keys()).to.have.length(20);
    });

    it('takes ten lost races in a row for an outage', async () => {
      store.before = async () => {
        const [first] = await keys();
        const withdraw = { type: 'WithdrawKey', keyId: first ?? newKey(), at } as const;
        if (first) await transact(stores.store, Organization, organizationId, withdraw, cause);
        else await granted(watch(stores.store));
      };
      const error = await granted().catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(StoreUnavailable);
    });

    it('recognises under the same token what had landed unheard', async () => {
      const loaded = await load(store, Organization, organizationId);
      const keyId = newKey();
      const once = (token: string) =>
        decideOnce(
          ...([store, Organization, organizationId, loaded, grant(keyId), cause] as const),
          { token },
        );
      const token = randomUUID();
      expect((await once(token)).outcome).to.equal('accepted');
      expect((await once(token)).outcome, 'the same append').to.equal('accepted');
      expect((await once(randomUUID())).outcome, 'somebody else’s').to.equal('conflict');
      expect(await keys()).to.deep.equal([keyId]);
    });
  });
