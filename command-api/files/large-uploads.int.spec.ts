/** The largest upload into each store: how much of it is held, and what is left when it breaks. */
import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FileId } from '../../contracts/ids.js';
import { openMemoryEventStore } from '../../infra/event-store/testing/memory.js';
import { openDiskFiles } from '../../infra/files/disk.js';
import type { FileStore } from '../../infra/files/port.js';
import { encryptedFiles } from '../../infra/files/testing/encrypted.js';
import { openS3Files } from '../../infra/files/s3.js';
import { openS3 } from '../../infra/object-store/client.js';
import { versitygwInSuite } from '../../infra/object-store/testing/versitygw.js';
import { eventually } from '../../testing/eventually.js';
import { filesUnder, temporaryFolder } from '../../testing/folders.js';
import { openCommandApi, openTenant, type CommandApi, type Tenant } from '../testing/kit.js';
import { UPLOAD_BYTES_MAX } from './upload-slots.js';

const MB = 1024 * 1024;
const piece = Buffer.alloc(MB, 'x');

interface Store {
  readonly files: FileStore;
  /** Of what was begun and is not whole. */
  unfinished(): Promise<number>;
  close(): Promise<void>;
}

async function onDisk(): Promise<Store> {
  const folder = await temporaryFolder();
  return {
    files: encryptedFiles(await openDiskFiles(folder)),
    unfinished: async () =>
      (await filesUnder(folder.dir)).filter((path) => path.startsWith('incoming')).length,
    close: () => folder.remove(),
  };
}

describe('the largest uploads', () => {
  const gateway = versitygwInSuite();
  const inBucket = async (): Promise<Store> => {
    const s3 = await openS3(gateway().config);
    return {
      files: encryptedFiles(openS3Files(s3)),
      unfinished: async () => 0,
      close: async () => s3.close(),
    };
  };
  for (const [name, open] of [
    ['on disk', onDisk],
    ['in a bucket', inBucket],
  ] as const)
    describe(name, () => {
      let stored: Store;
      let api: CommandApi;
      let tenant: Tenant;
      before(async () => {
        stored = await open();
        const store = openMemoryEventStore();
        api = await openCommandApi(store, new Map(), undefined, Date.now, stored.files);
        tenant = await openTenant(api);
      });
      after(async () => {
        await api?.close();
        await stored?.close();
      });
      const asked = async () => {
        const body = { purpose: 'INPUT' };
        const { json } = await api.ask('POST', '/v1/files/upload', { headers: tenant.as, body });
        return { id: json['file_id'] as FileId, url: json['upload_url'] };
      };

      it('hold little of it in memory, and know its digest', async function () {
        this.timeout(60_000);
        const { id, url } = await asked();
        const digest = createHash('sha256');
        const bytes = function* () {
          for (let sent = 0; sent < UPLOAD_BYTES_MAX; sent += MB) {
            digest.update(piece);
            yield piece;
          }
        };
        // What was in use before is not counted, and neither is what the first megabytes load.
        await api.upload((await asked()).url, Readable.from([Buffer.alloc(9 * MB)]));
        globalThis.gc?.();
        const before = process.memoryUsage.rss();
        let peak = before;
        const looking = setInterval(() => {
          peak = Math.max(peak, process.memoryUsage.rss());
        }, 20);
        const { status } = await api.upload(url, Readable.from(bytes()));
        clearInterval(looking);
        expect(status).to.equal(200);
        expect((peak - before) / MB).to.be.below(64);
        const body = { file_id: id };
        const { json } = await api.ask('POST', '/v1/files/confirm', { headers: tenant.as, body });
        expect(json).to.include({
          size_bytes: UPLOAD_BYTES_MAX,
          sha256: digest.digest('hex'),
          content_type: 'text/plain',
        });
      });

      it('leave nothing of one that breaks off in the middle', async () => {
        const { id, url } = await asked();
        const breaking = function* () {
          for (let sent = 0; sent < 20; sent += 1) yield piece;
          throw new Error('the caller breaks off');
        };
        const sent = api.upload(url, Readable.from(breaking()));
        expect(await sent.catch(String)).to.include('breaks off');
        await eventually('nothing is left', async () => (await stored.unfinished()) === 0);
        expect(await stored.files.size(id)).to.equal(undefined);
      });
    });
});
