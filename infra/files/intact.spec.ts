import { expect } from 'chai';
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { streamOf } from './testing/contract.js';
import { intactFile } from './intact.js';

const storedOf = (bytes: Buffer) => ({
  sizeBytes: bytes.length,
  sha256: createHash('sha256').update(bytes).digest('hex'),
});

describe('an intact file', () => {
  for (const size of [0, 1, 10_000, 300_001])
    it(`is given whole, all ${size} bytes of it`, async () => {
      const bytes = randomBytes(size);
      const given = await buffer(intactFile(streamOf(bytes), storedOf(bytes)));
      expect(given.equals(bytes)).to.equal(true);
    });

  const readingOf = async (stream: Readable) => {
    let seen = 0;
    try {
      for await (const chunk of stream) seen += (chunk as Buffer).length;
      return { seen, thrown: undefined };
    } catch (error) {
      return { seen, thrown: String(error) };
    }
  };

  it('is broken off before its end when its bytes are others, fewer or more', async () => {
    const bytes = randomBytes(100_000);
    const other = Buffer.from(bytes);
    other[99_999] = ~(other[99_999] ?? 0);
    for (const damaged of [other, bytes.subarray(0, 90_000), Buffer.concat([bytes, bytes])]) {
      const { seen, thrown } = await readingOf(intactFile(streamOf(damaged), storedOf(bytes)));
      expect(thrown).to.match(/does not match its digest/);
      expect(seen).to.be.below(damaged.length);
    }
  });

  it("tells its source's error, and ends its source with itself", async () => {
    const breaking = function* () {
      yield Buffer.from('half');
      throw new Error('away');
    };
    const stream = intactFile(Readable.from(breaking()), storedOf(Buffer.from('half and half')));
    expect((await readingOf(stream)).thrown).to.equal('Error: away');
    const source = streamOf(randomBytes(100_000));
    intactFile(source, storedOf(Buffer.alloc(0))).destroy();
    await new Promise((resolve) => source.once('close', resolve));
    expect(source.destroyed).to.equal(true);
  });
});
