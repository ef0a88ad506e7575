/** What every keeper of data keys must do. */
import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import { eventually } from '../../../testing/eventually.js';
import type { DataKey, DataKeys } from '../port.js';

interface DataKeysHarness {
  readonly keys: DataKeys;
  /** Of another process over the same. */
  readonly other: DataKeys;
  close(): Promise<void>;
}

const organization = (): string => `org_${randomUUID()}`;

export function dataKeysContract(name: string, open: () => Promise<DataKeysHarness>): void {
  describe(`data keys contract: ${name}`, () => {
    let harness: DataKeysHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    const the = () => harness;
    givesKeys(the);
    renewsKeys(the);
    destroysKeys(the);
  });
}

const keyOf = async (of: DataKeys, organizationId: string): Promise<DataKey> => {
  const key = await of.keyFor(organizationId);
  return key === 'erased' ? expect.fail('the key was destroyed') : key;
};

const bytesOf = ({ secret }: DataKey): string => secret.export().toString('hex');

function givesKeys(the: () => DataKeysHarness): void {
  it('makes one key of 32 bytes, however many ask for it at once', async () => {
    const { keys, other } = the();
    const id = organization();
    const made = await Promise.all(
      Array.from({ length: 20 }, (_, index) => keyOf(index % 2 ? keys : other, id)),
    );
    expect(new Set(made.map(bytesOf)).size).to.equal(1);
    const [{ id: keyId, organizationId, version, secret }] = made as [DataKey];
    expect({ organizationId, version }).to.deep.equal({ organizationId: id, version: 1 });
    expect(secret.symmetricKeySize).to.equal(32);
    const found = await other.keyOf(keyId);
    expect(typeof found === 'object' && bytesOf(found)).to.equal(bytesOf(made[0] as DataKey));
  });

  it('gives each organization its own, and knows no id that it did not give', async () => {
    const { keys } = the();
    const [one, two] = [await keyOf(keys, organization()), await keyOf(keys, organization())];
    expect(bytesOf(one)).to.not.equal(bytesOf(two));
    expect(one.id).to.not.equal(two.id);
    expect(await keys.keyOf(randomUUID())).to.equal(undefined);
  });
}

function renewsKeys(the: () => DataKeysHarness): void {
  it('encrypts under another key once one is renewed, and knows those of before', async () => {
    const { keys, other } = the();
    const first = await keyOf(keys, organization());
    await other.keyFor(first.organizationId);
    const second = await keys.renew(first.organizationId);
    if (second === 'erased') return expect.fail('it was destroyed');
    expect(second).to.deep.include({ organizationId: first.organizationId, version: 2 });
    expect(bytesOf(second)).to.not.equal(bytesOf(first));
    expect((await keyOf(keys, first.organizationId)).id).to.equal(second.id);
    await eventually('another process uses it', async () => {
      return (await keyOf(other, first.organizationId)).id === second.id;
    });
    const before = await other.keyOf(first.id);
    expect(typeof before === 'object' && bytesOf(before)).to.equal(bytesOf(first));
  });

  it('renews a key that was never asked for, and none once they are destroyed', async () => {
    const { keys, other } = the();
    const id = organization();
    const made = await keys.renew(id);
    expect((await keyOf(keys, id)).id).to.equal(typeof made === 'object' && made.id);
    await other.destroy(id);
    expect(await keys.renew(id)).to.equal('erased');
    const first = typeof made === 'object' ? made.id : '';
    await eventually('all are gone', async () => (await keys.keyOf(first)) === 'erased');
  });

  it('numbers renewals that race one after another', async () => {
    const { keys, other } = the();
    const { organizationId } = await keyOf(keys, organization());
    const { last } = await keys.changed();
    const made = await Promise.all(
      Array.from({ length: 6 }, (_, n) => (n % 2 ? keys : other).renew(organizationId)),
    );
    const versions = made.map((one) => (one === 'erased' ? 0 : one.version));
    expect(versions.sort()).to.deep.equal([2, 3, 4, 5, 6, 7]);
    const since = await other.changed(last);
    expect([since.last, since.destroyed]).to.deep.equal([last + 6n, []]);
    expect(new Set(since.renewed)).to.deep.equal(new Set([organizationId]));
  });
}

function destroysKeys(the: () => DataKeysHarness): void {
  it('destroys a key for ever, and is told so again', async () => {
    const { keys, other } = the();
    const [gone, stays] = [await keyOf(keys, organization()), await keyOf(keys, organization())];
    await other.keyFor(gone.organizationId);
    expect(await keys.destroy(gone.organizationId)).to.equal(true);
    expect(await keys.destroy(gone.organizationId)).to.equal(false);
    expect(await keys.keyFor(gone.organizationId)).to.equal('erased');
    expect(await keys.keyOf(gone.id)).to.equal('erased');
    await eventually('another process has forgotten it', async () => {
      const [current, named] = [other.keyFor(gone.organizationId), other.keyOf(gone.id)];
      return (await current) === 'erased' && (await named) === 'erased';
    });
    expect((await keyOf(keys, stays.organizationId)).id).to.equal(stays.id);
  });

  it('never makes a key for an organization that was destroyed before it had one', async () => {
    const { keys, other } = the();
    const id = organization();
    expect(await keys.destroy(id)).to.equal(true);
    expect([await keys.keyFor(id), await other.keyFor(id)]).to.deep.equal(['erased', 'erased']);
  });

  it('leaves no key behind where some ask for it while others destroy it', async () => {
    const { keys, other } = the();
    for (let round = 0; round < 10; round++) {
      const id = organization();
      const asked = [keys.keyFor(id), other.keyFor(id), keys.keyFor(id)];
      const destroyed = await Promise.all([other.destroy(id), keys.destroy(id)]);
      await Promise.all(asked);
      expect(destroyed.filter(Boolean)).to.have.length(1);
      await eventually('it is gone', async () => (await keys.keyFor(id)) === 'erased');
    }
  });

  it('tells in their order which were destroyed since', async () => {
    const { keys, other } = the();
    const ids = [organization(), organization(), organization()] as const;
    const { last, destroyed, renewed } = await keys.changed();
    expect([destroyed, renewed]).to.deep.equal([[], []]);
    await keys.keyFor(ids[1]);
    for (const id of ids) await other.destroy(id);
    const since = await keys.changed(last);
    expect(since.destroyed).to.deep.equal(ids);
    expect(await keys.changed(since.last)).to.deep.equal({
      last: since.last,
      destroyed: [],
      renewed: [],
    });
  });
}
