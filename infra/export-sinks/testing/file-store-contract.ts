/** What every store for files of exports must do. */
import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import type { FileStore } from '../file-store.js';

interface StoreHarness {
  readonly store: FileStore;
  /** Every file with one of these endings, by its name. */
  files(): Promise<ReadonlyMap<string, Buffer>>;
  close(): Promise<void>;
}

const LARGE_BYTES = 9 * 1024 * 1024;

export function fileStoreContract(name: string, open: () => Promise<StoreHarness>): void {
  describe(`file store contract: ${name}`, () => {
    let harness: StoreHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());
    const file = 'day=2026-11-27/hour=23/0000000000000001-0000000000000007.parquet';
    const put = (at: string, bytes: Buffer) => harness.store.put(at, bytes);
    const there = async () => [...(await harness.files())].sort(([a], [b]) => (a < b ? -1 : 1));

    it('keeps each file under its name', async () => {
      const other = file.replace('hour=23', 'hour=00');
      await put(file, Buffer.from('one'));
      await put(other, Buffer.from('two'));
      expect(await there()).to.deep.equal([
        [other, Buffer.from('two')],
        [file, Buffer.from('one')],
      ]);
    });

    it('has one file of what is put again', async () => {
      await put(file, Buffer.from('the first, which is longer'));
      await put(file, Buffer.from('the second'));
      expect(await there()).to.deep.equal([[file, Buffer.from('the second')]]);
    });

    it('has one whole file of several that are put at the same time', async () => {
      const bytes = randomBytes(200_000);
      await Promise.all(Array.from({ length: 5 }, () => put(file, bytes)));
      expect(await there()).to.deep.equal([[file, bytes]]);
    });

    it('takes nothing, and what is large', async () => {
      const [empty, large] = [`${file}.empty`, `${file}.large`];
      const bytes = randomBytes(LARGE_BYTES);
      await put(large, bytes);
      await put(empty, Buffer.alloc(0));
      expect(await there()).to.deep.equal([
        [empty, Buffer.alloc(0)],
        [large, bytes],
      ]);
    });
  });
}
