/** The file store over a real S3 server, and what it does when that server is not well. */
import {
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { expect } from 'chai';
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { request } from 'undici';
import { filesUnder } from '../../testing/folders.js';
import { versitygwInSuite } from '../object-store/testing/versitygw.js';
import { openMemoryDataKeys } from '../data-keys/testing/memory.js';
import { StoreUnavailable } from '../event-store/port.js';
import { openS3, type S3 } from '../object-store/client.js';
import { sweepableContract } from './testing/sweepable-contract.js';
import { fileId, filesContract, owner, streamOf } from './testing/contract.js';
import { encryptedFiles } from './testing/encrypted.js';
import { FileTooLarge } from './errors.js';
import { openFileStore } from './file-store.js';
import type { FileStore } from './port.js';
import { openS3Files } from './s3.js';

const MB = 1024 * 1024;
const thrownBy = (work: Promise<unknown>) => work.then(String, (error: unknown) => error);

describe('files in a bucket', function () {
  this.timeout(60_000);
  const server = versitygwInSuite();
  let s3: S3;
  let files: FileStore;
  before(async () => {
    s3 = await openS3(server().config);
    files = encryptedFiles(openS3Files(s3));
  });
  after(() => s3?.close());

  filesContract('s3', async () => {
    const own = await openS3(server().config);
    return { objects: openS3Files(own), close: async () => own.close() };
  });

  sweepableContract('files in a bucket', async () => {
    const own = await openS3(server().config);
    const store = encryptedFiles(openS3Files(own));
    const put = async () => {
      const id = fileId();
      await store.put(id, owner, streamOf(Buffer.from('bytes')), 100);
      return id;
    };
    return { store, put, close: async () => own.close() };
  });

  it('removes the parts of uploads that nobody completed, and no younger ones', async () => {
    const { client, bucket: Bucket } = s3;
    const begun = { Bucket, Key: `files/00/00/${fileId()}` };
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(begun));
    const Body = randomBytes(1_000);
    await client.send(new UploadPartCommand({ ...begun, UploadId, PartNumber: 1, Body }));
    const uploads = async () => {
      const listed = await client.send(new ListMultipartUploadsCommand({ Bucket }));
      return (listed.Uploads ?? []).map((upload) => upload.UploadId);
    };
    await files.removeUnfinished(Date.now() - 60_000);
    expect(await uploads()).to.include(UploadId);
    await files.removeUnfinished(Date.now() + 60_000);
    expect(await uploads()).to.deep.equal([]);
  });

  it('names objects beyond one page of the listing', async () => {
    const { client, bucket: Bucket } = s3;
    const keys = Array.from({ length: 1_005 }, () => fileId());
    for (let at = 0; at < keys.length; at += 50)
      await Promise.all(
        keys.slice(at, at + 50).map((id) => {
          const Key = `files/${id.slice(5, 7)}/${id.slice(7, 9)}/${id}`;
          return client.send(new PutObjectCommand({ Bucket, Key, Body: Buffer.alloc(0) }));
        }),
      );
    const names = new Set<string>();
    for await (const page of files.writtenBefore(Date.now() + 60_000))
      for (const name of page) names.add(name);
    expect(keys.filter((id) => !names.has(id))).to.deep.equal([]);
  });

  it('keeps them under the key that they have on a disk', async () => {
    const id = fileId();
    await files.put(id, owner, streamOf(Buffer.from('bytes')), 100);
    const digits = id.slice('file_'.length);
    const key = `files/${digits.slice(0, 2)}/${digits.slice(2, 4)}/${id}.enc`;
    expect(await filesUnder(server().dir)).to.include(`modelroute/${key}`);
  });

  for (const sizeBytes of [8 * MB, 8 * MB + 1, 33 * MB])
    it(`stores ${sizeBytes} bytes in parts, and gives back the same`, async () => {
      const [id, bytes] = [fileId(), randomBytes(sizeBytes)];
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const stored = await files.put(id, owner, streamOf(bytes, 300_007), sizeBytes);
      expect(stored).to.deep.equal({ sizeBytes, sha256 });
      expect(await files.size(id)).to.equal(sizeBytes);
      const stream = await files.open(id);
      expect(stream && (await buffer(stream)).equals(bytes)).to.equal(true);
      const range = { start: 8 * MB - 2, end: 8 * MB - 1 };
      const part = await files.open(id, range);
      expect(part && (await buffer(part))).to.deep.equal(
        bytes.subarray(range.start, range.end + 1),
      );
    });

  it('holds but a few parts of a large file at a time', async () => {
    const sizeBytes = 150 * MB;
    const piece = randomBytes(MB);
    let mostBytes = 0;
    const pieces = function* () {
      for (let at = 0; at < sizeBytes; at += MB) {
        mostBytes = Math.max(mostBytes, process.memoryUsage().arrayBuffers);
        yield Buffer.from(piece);
      }
    };
    globalThis.gc?.();
    const before = process.memoryUsage().arrayBuffers;
    const id = fileId();
    await files.put(id, owner, Readable.from(pieces()), sizeBytes);
    expect(mostBytes - before).to.be.below(100 * MB);
    const stream = await files.open(id);
    let read = 0;
    for await (const chunk of stream ?? []) read += (chunk as Buffer).length;
    expect(read).to.equal(sizeBytes);
    await files.remove(id);
  });

  it('leaves nothing of a large file that is refused, or whose source breaks', async () => {
    const before = randomBytes(10);
    const id = fileId();
    await files.put(id, owner, streamOf(before), 100);
    const tooLarge = files.put(id, owner, streamOf(randomBytes(20 * MB)), 18 * MB);
    expect(await thrownBy(tooLarge)).to.be.instanceOf(FileTooLarge);
    const breaking = function* () {
      for (let n = 0; n < 20; n++) yield Buffer.alloc(MB);
      throw new Error('connection reset');
    };
    const broken = files.put(id, owner, Readable.from(breaking()), 50 * MB);
    expect(String(await thrownBy(broken))).to.equal('Error: connection reset');
    const { Uploads = [] } = await s3.client.send(
      new ListMultipartUploadsCommand({ Bucket: s3.bucket }),
    );
    expect(Uploads).to.deep.equal([]);
    expect(await files.size(id)).to.equal(10);
  });

  it('gives no link without a public endpoint, and with one a link that lasts', async () => {
    const id = fileId();
    await files.put(id, owner, streamOf(Buffer.from('0123456789')), 100);
    const as = { contentType: 'image/png', fileName: `${id}.png` };
    expect(await files.linkTo(id, as)).to.equal(undefined);
    const { config } = server();
    const { port } = new URL(config.endpoint);
    const publicEndpoint = `http://localhost:${port}`;
    const open = await openS3({ ...config, publicEndpoint });
    try {
      const plain = openFileStore({
        objects: openS3Files(open),
        keys: openMemoryDataKeys(),
        form: 'plain',
      });
      expect(await plain.linkTo(id, as), 'it is encrypted').to.equal(undefined);
      await files.remove(id);
      await plain.put(id, owner, streamOf(Buffer.from('0123456789')), 100);
      const link = (await plain.linkTo(id, as)) ?? '';
      expect(link).to.match(new RegExp(`^${publicEndpoint}/modelroute/files/.*X-Amz-Expires=300`));
      const { statusCode, headers, body } = await request(link);
      expect([statusCode, await body.text()]).to.deep.equal([200, '0123456789']);
      expect(headers).to.include({
        'content-type': 'image/png',
        'content-disposition': `attachment; filename="${id}.png"`,
      });
      const part = await request(link, { headers: { range: 'bytes=2-4' } });
      expect([part.statusCode, await part.body.text()]).to.deep.equal([206, '234']);
      const forged = await request(link.replace(id, fileId()));
      expect([forged.statusCode, await forged.body.dump()]).to.deep.equal([403, undefined]);
    } finally {
      open.close();
    }
  });
});

describe('files in a bucket whose server is not well', function () {
  this.timeout(60_000);
  const server = versitygwInSuite();
  let s3: S3;
  let files: FileStore;
  const id = fileId();
  before(async () => {
    s3 = await openS3(server().config);
    files = encryptedFiles(openS3Files(s3));
    await files.put(id, owner, streamOf(Buffer.from('kept')), 100);
  });
  after(() => s3?.close());

  const calls: Record<string, () => Promise<unknown>> = {
    put: () => files.put(fileId(), owner, streamOf(Buffer.from('new')), 100),
    open: () => files.open(id),
    size: () => files.size(id),
    remove: () => files.remove(fileId()),
    check: () => s3.check(),
  };
  const allUnavailable = async () => {
    const startedMs = performance.now();
    for (const [name, thrown] of await Promise.all(
      Object.entries(calls).map(async ([name, call]) => [name, await thrownBy(call())] as const),
    ))
      expect(thrown, name).to.be.instanceOf(StoreUnavailable);
    expect(performance.now() - startedMs).to.be.below(6_000);
  };
  const allWell = async () => {
    for (const call of Object.values(calls)) await call();
    const stream = await files.open(id);
    expect(stream && String(await buffer(stream))).to.equal('kept');
  };

  it('says so at once while it is gone, and goes on when it is back', async () => {
    await server().kill9();
    try {
      await allUnavailable();
    } finally {
      await server().restart();
    }
    await allWell();
  });

  it('says so in two seconds while it is frozen, and goes on when it thaws', async () => {
    server().signal('SIGSTOP');
    try {
      await allUnavailable();
    } finally {
      server().signal('SIGCONT');
    }
    await allWell();
  });

  it('breaks a reading when the server dies in the middle, and tells a large upload', async () => {
    const large = fileId();
    await files.put(large, owner, streamOf(randomBytes(40 * MB), MB), 40 * MB);
    const stream = await files.open(large);
    const reading = thrownBy(stream ? buffer(stream) : Promise.resolve());
    const uploading = thrownBy(
      files.put(large, owner, streamOf(randomBytes(100 * MB), MB), 100 * MB),
    );
    await new Promise((resolve) => stream?.once('data', resolve));
    await server().kill9();
    try {
      expect(await reading).to.be.instanceOf(StoreUnavailable);
      expect(await uploading).to.be.instanceOf(StoreUnavailable);
    } finally {
      await server().restart();
    }
    expect(await files.size(large)).to.equal(40 * MB);
  });
});
