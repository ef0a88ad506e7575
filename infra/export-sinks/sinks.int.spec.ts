/** The sinks of exports: a folder and a bucket of a real S3 server. */
import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { pino } from 'pino';
import { filesUnder, smallDisk, temporaryFolder } from '../../testing/folders.js';
import { freePort } from '../../testing/free-port.js';
import { skip } from '../../testing/skip.js';
import { isOutage } from '../event-store/outage.js';
import { versitygwInSuite } from '../object-store/testing/versitygw.js';
import { filesSink } from './files.js';
import { openFolderStore } from './folder.js';
import { openSink } from './open-sink.js';
import { openS3Store } from './s3.js';
import { exportSinkContract } from './testing/contract.js';
import { fileStoreContract } from './testing/file-store-contract.js';

const NAME = 'day=2026-11-27/hour=23/1-2.parquet';
const thrownBy = (work: Promise<unknown>) => work.then(String, (error: unknown) => error);

async function filesIn(dir: string): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const name of await filesUnder(dir)) files.set(name, await readFile(join(dir, name)));
  return files;
}

describe('sinks of exports', function () {
  this.timeout(60_000);
  const server = versitygwInSuite();

  fileStoreContract('folder', async () => {
    const folder = await temporaryFolder();
    const dir = join(folder.dir, 'acme');
    const store = await openFolderStore(dir);
    return { store, files: () => filesIn(dir), close: () => folder.remove() };
  });

  exportSinkContract('folder', async () => {
    const folder = await temporaryFolder();
    const { dir } = folder;
    const settings = { format: 'ndjson.gz', hasOperators: false } as const;
    return {
      open: async () => filesSink(await openFolderStore(dir), settings),
      ids: async () =>
        [...(await filesIn(dir)).values()]
          .flatMap((bytes) => gunzipSync(bytes).toString().trimEnd().split('\n'))
          .map((line) => (JSON.parse(line) as { id: string }).id)
          .sort(),
      close: () => folder.remove(),
    };
  });

  /** A bucket of its own. */
  async function openBucketStore(prefix: string) {
    const bucket = `exports-${randomUUID()}`;
    const dir = join(server().dir, bucket);
    await mkdir(dir, { recursive: true });
    return { dir, store: openS3Store({ ...server().config, bucket }, prefix) };
  }

  for (const prefix of ['', 'to/acme'])
    fileStoreContract(`s3, prefix '${prefix}'`, async () => {
      const { dir, store } = await openBucketStore(prefix);
      return {
        store,
        files: () => filesIn(join(dir, prefix)),
        close: async () => store.close(),
      };
    });

  it('a bucket that is away, or is not there, is an outage', async () => {
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    for (const change of [{ endpoint }, { bucket: 'nobody-has-made-it' }]) {
      const store = openS3Store({ ...server().config, ...change }, '');
      expect(isOutage(await thrownBy(store.put(NAME, Buffer.from('x'))))).to.equal(true);
      store.close();
    }
  });

  it('a full disk is an outage, and leaves nothing', async function () {
    const disk = await smallDisk(256 * 1024);
    if (!disk) return skip(this, 'no small disk can be mounted here');
    const store = await openFolderStore(disk.dir);
    const tooMuch = store.put(NAME, Buffer.alloc(1024 * 1024, 'x'));
    expect(isOutage(await thrownBy(tooMuch))).to.equal(true);
    expect(await filesUnder(disk.dir)).to.deep.equal([]);
    await store.put(NAME, Buffer.from('x'));
    expect(await filesUnder(disk.dir)).to.deep.equal([NAME]);
    await disk.remove();
  });

  it('a variable that is not set is named', async () => {
    const config = {
      dataDir: '/nowhere',
      credential: () => undefined,
      log: pino({ enabled: false }),
    };
    const of = { id: 'one', hasOperators: false };
    const keys = {
      access_key_env: 'MODELROUTE_EXPORT_KEY',
      secret_key_env: 'MODELROUTE_EXPORT_SECRET',
    };
    const bucket = { ...of, format: 'parquet', sink: { s3: { bucket: 'acme', ...keys } } } as const;
    expect(String(await thrownBy(openSink(config, bucket)))).to.match(
      /the variable MODELROUTE_EXPORT_KEY is not set/,
    );
    const kafka = {
      brokers: ['127.0.0.1:1'],
      topic: 'acme',
      sasl: 'plain',
      username_env: 'MODELROUTE_EXPORT_USER',
      password_env: 'MODELROUTE_EXPORT_PASSWORD',
    } as const;
    const topic = { ...of, format: 'cloudevents', sink: { kafka } } as const;
    expect(String(await thrownBy(openSink(config, topic)))).to.match(
      /the variable MODELROUTE_EXPORT_USER is not set/,
    );
  });
});
