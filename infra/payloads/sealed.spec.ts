import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { openMemoryDataKeys } from '../data-keys/testing/memory.js';
import type { AppendUnit, EventStore } from '../event-store/port.js';
import type { StoredPayloads } from './port.js';
import { openSealedPayloads, openSealingStore } from './sealed.js';
import { payloadOf, payloadsContract, refOf } from './testing/contract.js';

/** Answers what it was given, whatever the event says. */
function rawStore(): { readonly stored: StoredPayloads; readonly kept: Map<string, Buffer> } {
  const kept = new Map<string, Buffer>();
  return {
    kept,
    stored: {
      put: async ({ ref, bytes }) => void (kept.has(ref) || kept.set(ref, bytes)),
      get: async ({ ref }) => kept.get(ref),
      remove: async (ref) => void kept.delete(ref),
    },
  };
}

payloadsContract('sealed', async () => ({
  payloads: openSealedPayloads(openMemoryDataKeys(), rawStore().stored),
  close: async () => undefined,
}));

describe('sealed payloads', () => {
  const CANARY = 'a canary that nobody may read';
  const canary = () => payloadOf(Buffer.from(JSON.stringify({ prompt: CANARY })));
  const failure = (work: Promise<unknown>): Promise<string> => work.then(() => 'none', String);

  it('are stored in no plain form, and never twice in the same', async () => {
    const { stored, kept } = rawStore();
    const payloads = openSealedPayloads(openMemoryDataKeys(), stored);
    const payload = canary();
    await payloads.put(payload);
    const first = kept.get(payload.ref) ?? expect.fail('it was not stored');
    expect(first.includes(CANARY)).to.equal(false);
    expect(first.length).to.equal(payload.bytes.length + 48);
    await payloads.remove(payload.ref);
    await payloads.put(payload);
    expect(kept.get(payload.ref)?.equals(first)).to.equal(false);
  });

  it('are read where an earlier release stored them in plain', async () => {
    const { stored } = rawStore();
    const payloads = openSealedPayloads(openMemoryDataKeys(), stored);
    for (const bytes of [canary().bytes, Buffer.from('mrp1'), randomBytes(48), Buffer.alloc(0)]) {
      const payload = payloadOf(bytes);
      await stored.put(payload);
      expect((await payloads.get(refOf(payload)))?.equals(bytes)).to.equal(true);
    }
  });

  it('are gone once the key is, and are not kept any more', async () => {
    const { stored, kept } = rawStore();
    const keys = openMemoryDataKeys();
    const payloads = openSealedPayloads(keys, stored);
    const [before, after] = [canary(), canary()];
    await payloads.put(before);
    await keys.destroy(before.organizationId);
    await payloads.put(after);
    expect(await payloads.get(refOf(before))).to.equal(undefined);
    expect(await payloads.get(refOf(after))).to.equal(undefined);
    expect([...kept.keys()]).to.deep.equal([before.ref]);
  });

  it('are not taken for another payload, nor for one of another organization', async () => {
    const { stored, kept } = rawStore();
    const payloads = openSealedPayloads(openMemoryDataKeys(), stored);
    const [one, moved] = [canary(), canary()];
    await payloads.put(one);
    kept.set(moved.ref, kept.get(one.ref) ?? expect.fail('it was not stored'));
    expect(await failure(payloads.get(refOf(moved)))).to.equal(
      `Error: the payload ${moved.ref} was changed where it is stored`,
    );
  });

  it('are damaged with any bit that changed, and not there without their key', async () => {
    const { stored, kept } = rawStore();
    const payloads = openSealedPayloads(openMemoryDataKeys(), stored);
    const payload = canary();
    await payloads.put(payload);
    const bytes = kept.get(payload.ref) ?? expect.fail('it was not stored');
    for (let at = 0; at < bytes.length; at += 3) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      kept.set(payload.ref, changed);
      expect(await failure(payloads.get(refOf(payload)))).to.contain(payload.ref);
    }
    kept.set(payload.ref, bytes);
    const others = openSealedPayloads(openMemoryDataKeys(), stored);
    expect(await failure(others.get(refOf(payload)))).to.contain('a data key that is not there');
  });
});

describe('a store that seals', () => {
  const units: AppendUnit[] = [];
  const store = {
    append: async (unit: AppendUnit) => {
      units.push(unit);
      return [];
    },
  } as unknown as EventStore;
  const append = { stream: 'execution-x', expectedRevision: -1, events: [] } as const;
  const unitOf = (...payloads: ReturnType<typeof payloadOf>[]): AppendUnit =>
    ({ appends: [append], payloads }) as unknown as AppendUnit;

  beforeEach(() => units.splice(0));

  it('passes on at once what is under a key that is known', async () => {
    const keys = openMemoryDataKeys();
    const sealing = openSealingStore(keys, store);
    const payload = payloadOf(randomBytes(100));
    await sealing.append(unitOf(payload));
    expect(units[0]?.payloads?.[0]?.bytes.length).to.equal(148);
    void sealing.append(unitOf(payload));
    expect(units).to.have.length(2);
    void sealing.append({ appends: [append] } as unknown as AppendUnit);
    expect(units[2]).to.deep.equal({ appends: [append] });
  });

  it('leaves out what is of an organization that was erased', async () => {
    const keys = openMemoryDataKeys();
    const payload = payloadOf(randomBytes(100));
    await keys.destroy(payload.organizationId);
    await openSealingStore(keys, store).append(unitOf(payload));
    expect(units[0]?.payloads).to.deep.equal([]);
  });
});
