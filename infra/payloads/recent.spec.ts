import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { PayloadStore } from './port.js';
import { SMALL_PAYLOAD_BYTES_MAX } from './port.js';
import { openRecentPayloads, type RecentPayloads } from './recent.js';
import { payloadOf, payloadsContract, refOf } from './testing/contract.js';
import { openMemoryPayloads } from './testing/memory.js';

payloadsContract('recent', async () => ({
  payloads: openRecentPayloads(openMemoryPayloads()),
  close: async () => undefined,
}));

describe('recent payloads', () => {
  let reads: string[];
  let store: PayloadStore;
  let payloads: RecentPayloads;

  beforeEach(() => {
    reads = [];
    const memory = openMemoryPayloads();
    store = {
      ...memory,
      get: async (ref) => {
        reads.push(ref.ref);
        return memory.get(ref);
      },
    };
    payloads = openRecentPayloads(store);
  });

  const remember = (bytes: number, through = payloads) => {
    const payload = payloadOf(randomBytes(bytes));
    through.remember(refOf(payload), payload.bytes);
    return payload;
  };

  it('are answered without a look at the store', async () => {
    const payload = remember(100);
    expect((await payloads.get(refOf(payload)))?.equals(payload.bytes)).to.equal(true);
    expect(reads).to.deep.equal([]);
  });

  it('are read where the digest is another, where they are large, and once removed', async () => {
    const payload = remember(100);
    const other = { ...refOf(payload), sha256: '0'.repeat(64) };
    expect(await payloads.get(other)).to.equal(undefined);
    const large = remember(SMALL_PAYLOAD_BYTES_MAX + 1);
    expect(await payloads.get(refOf(large))).to.equal(undefined);
    await payloads.remove(payload.ref);
    expect(await payloads.get(refOf(payload))).to.equal(undefined);
    expect(reads).to.deep.equal([payload.ref, large.ref, payload.ref]);
  });

  it('are as many as fit', async () => {
    const few = openRecentPayloads(store, { bytesMax: 10_000 });
    const payloads = [1, 2, 3, 4].map(() => remember(4_000, few));
    for (const payload of payloads) await few.get(refOf(payload));
    expect(reads).to.deep.equal(payloads.slice(0, 2).map(({ ref }) => ref));
  });

  it('are forgotten after a while', async () => {
    const brief = openRecentPayloads(store, { ageMaxMs: 20 });
    const payload = remember(100, brief);
    await pause(60);
    expect(await brief.get(refOf(payload))).to.equal(undefined);
    expect(reads).to.deep.equal([payload.ref]);
  });
});
