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
    const { last, organizationIds } = await keys.destroyed();
    expect(organizationIds).to.deep.equal([]);
    await keys.keyFor(ids[1]);
    for (const id of ids) await other.destroy(id);
    const since = await keys.destroyed(last);
    expect(since.organizationIds).to.deep.equal(ids);
    expect(await keys.destroyed(since.last)).to.deep.equal({
      last: since.last,
      organizationIds: [],
    });
  });
}
