import { expect } from 'chai';
import { payloadOf, payloadsContract, refOf } from './testing/contract.js';
import { openMemoryPayloads } from './testing/memory.js';
import { SMALL_PAYLOAD_BYTES_MAX } from './port.js';
import { openTieredPayloads } from './tiered.js';

payloadsContract('tiered', async () => ({
  payloads: openTieredPayloads({ small: openMemoryPayloads(), large: openMemoryPayloads() }),
  close: async () => undefined,
}));

describe('tiered payloads', () => {
  it('keeps up to 64 KB in the small tier, and more in the large one', async () => {
    const [small, large] = [new Map<string, Buffer>(), new Map<string, Buffer>()];
    const payloads = openTieredPayloads({
      small: openMemoryPayloads(small),
      large: openMemoryPayloads(large),
    });
    const limit = payloadOf(Buffer.alloc(SMALL_PAYLOAD_BYTES_MAX));
    const over = payloadOf(Buffer.alloc(SMALL_PAYLOAD_BYTES_MAX + 1));
    await payloads.put(limit);
    await payloads.put(over);
    expect([...small.keys()]).to.deep.equal([limit.ref]);
    expect([...large.keys()]).to.deep.equal([over.ref]);
    expect((await payloads.get(refOf(over)))?.length).to.equal(over.bytes.length);
    await payloads.remove(limit.ref);
    await payloads.remove(over.ref);
    expect(small.size + large.size).to.equal(0);
  });
});
