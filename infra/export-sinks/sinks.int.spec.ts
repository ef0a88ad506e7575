/** The sinks of exports: a folder, and a bucket of a real S3 server. */
import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { filesUnder, smallDisk, temporaryFolder } from '../../testing/folders.js';
import { freePort } from '../../testing/free-port.js';
import { skip } from '../../testing/skip.js';
import { isOutage } from '../event-store/outage.js';
import { versitygwInSuite } from '../object-store/testing/versitygw.js';
import { openFolderSink } from './folder.js';
import { openSink } from './open-sink.js';
import { openS3Sink } from './s3.js';
import { exportSinkContract } from './testing/contract.js';

const NAME = 'day=2026-11-27/hour=23/1-2.parquet';
const thrownBy = (work: Promise<unknown>) => work.then(String, (error: unknown) => error);

async function filesIn(dir: string): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const name of await filesUnder(dir)) files.set(name, await readFile(join(dir, name)));
  return files;
}

describe('sinks of exports', function () {
  this.timeout(30_000);
  const server = versitygwInSuite();

  exportSinkContract('folder', async () => {
    const folder = await temporaryFolder();
    const dir = join(folder.dir, 'acme');
    const sink = await openFolderSink(dir);
    return { sink, files: () => filesIn(dir), close: () => folder.remove() };
  });

  /** A bucket of its own. */
  async function openBucketSink(prefix: string) {
    const bucket = `exports-${randomUUID()}`;
    const dir = join(server().dir, bucket);
    await mkdir(dir, { recursive: true });
    return { dir, sink: openS3Sink({ ...server().config, bucket }, prefix) };
  }

  for (const prefix of ['', 'to/acme'])
    exportSinkContract(`s3, prefix '${prefix}'`, async () => {
      const { dir, sink } = await openBucketSink(prefix);
      return {
        sink,
        files: () => filesIn(join(dir, prefix)),
        close: async () => sink.close(),
      };
    });

  it('a bucket that is away, or is not there, is an outage', async () => {
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    for (const change of [{ endpoint }, { bucket: 'nobody-has-made-it' }]) {
      const sink = openS3Sink({ ...server().config, ...change }, '');
      expect(isOutage(await thrownBy(sink.put(NAME, Buffer.from('x'))))).to.equal(true);
      sink.close();
    }
  });

  it('a full disk is an outage, and leaves nothing', async function () {
    const disk = await smallDisk(256 * 1024);
    if (!disk) return skip(this, 'no small disk can be mounted here');
    const sink = await openFolderSink(disk.dir);
    expect(isOutage(await thrownBy(sink.put(NAME, Buffer.alloc(1024 * 1024, 'x'))))).to.equal(true);
    expect(await filesUnder(disk.dir)).to.deep.equal([]);
    await sink.put(NAME, Buffer.from('x'));
    expect(await filesUnder(disk.dir)).to.deep.equal([NAME]);
    await disk.remove();
  });

  it('a variable that is not set is named', async () => {
    const config = { dataDir: '/nowhere', credential: () => undefined };
    const names = {
      access_key_env: 'MODELROUTE_EXPORT_KEY',
      secret_key_env: 'MODELROUTE_EXPORT_SECRET',
    };
    const thrown = await thrownBy(openSink(config, { s3: { bucket: 'acme', ...names } }));
    expect(String(thrown)).to.match(/the variable MODELROUTE_EXPORT_KEY is not set/);
  });
});
