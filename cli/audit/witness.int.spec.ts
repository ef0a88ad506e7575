import { readFile, writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { checkpointText } from '../../domain/proof/checkpoint.js';
import { hashToBase64, leafHash, type TreeHash } from '../../domain/proof/hashes.js';
import { consistencyRanges, proofOf } from '../../domain/proof/proofs.js';
import { openSigner, signNote } from '../../domain/proof/signed-note.js';
import { EMPTY_EDGE, growTree } from '../../domain/proof/tree.js';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { pause } from '../../infra/concurrency/pause.js';
import { openBucket } from '../../infra/object-store/client.js';
import { versitygwInSuite } from '../../infra/object-store/testing/versitygw.js';
import { StartError } from '../../infra/start-error.js';
import { temporaryFolder, type TemporaryFolder } from '../../testing/folders.js';
import type { Context } from '../context.js';
import { witness, type WitnessOptions } from './witness.js';

describe('audit witness', () => {
  let server: Server;
  let folder: TemporaryFolder;
  let leaves: string[] = [];
  const told: string[] = [];
  /** What the next requests are answered. */
  let answers: number[] = [];
  /** Before the next checkpoint, in bytes. */
  let padding = 0;
  const signer = openSigner('a/log', Buffer.alloc(32, 1));

  function tree() {
    const nodes = new Map<string, TreeHash>();
    const grown = growTree(EMPTY_EDGE, (level, index, node) =>
      nodes.set(`${level}/${index}`, node),
    );
    for (const leaf of leaves) grown.append(leafHash(leaf));
    const { size } = grown;
    return { size, root: grown.root(), nodes };
  }

  before(async () => {
    folder = await temporaryFolder();
    server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://a');
      const { size, root, nodes } = tree();
      const status = answers.shift() ?? 200;
      if (status !== 200) response.writeHead(status).end();
      else if (request.method === 'POST') {
        request.on('data', (chunk: Buffer) => told.push(chunk.toString()));
        request.on('end', () => response.end());
      } else if (pathname === '/v1/log/checkpoint')
        response.end(
          ' '.repeat(padding) + signNote(checkpointText({ origin: 'a/log', size, root }), signer),
        );
      else {
        const ranges = consistencyRanges(Number(searchParams.get('from')), size);
        const at = (node: { level: number; index: number }) =>
          nodes.get(`${node.level}/${node.index}`)!;
        response.end(JSON.stringify({ hashes: proofOf(ranges, at).map(hashToBase64) }));
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  after(async () => {
    server.close();
    await folder.remove();
  });

  const addressOf = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const inBuckets = { region: 'us-east-1', prefix: 'of/a-log', lock: 'compliance' } as const;

  async function witnessed(places: Partial<WitnessOptions>, signal?: AbortSignal) {
    const printed: string[] = [];
    let code = 0;
    const context = {
      signal,
      print: (line: string) => void printed.push(line),
      endWith: (ended: number) => void (code = ended),
    } as unknown as Context;
    const key = [signer.vkey];
    await witness(context, { url: `${addressOf()}/`, key, ...inBuckets, ...places });
    return { code, said: printed.join().replace(/^http:\S+ /, '') };
  }

  async function run(more: { readonly every?: number } = {}, signal?: AbortSignal) {
    const file = join(folder.dir, 'kept');
    const webhook = `${addressOf()}/told`;
    const { code, said } = await witnessed({ file, webhook, ...more }, signal);
    const kept = (await readFile(file, 'utf8').catch(() => '')).split('\n').length - 1;
    return { code, kept, said };
  }

  it('keeps what goes on from what was kept, and finds a fork and a log gone back', async () => {
    leaves = ['a', 'b', 'c'];
    const goesOn = (size: number) => `the log of ${size} events goes on from what was kept`;
    const first = 'the first checkpoint is kept, of a log of 3 events';
    expect(await run()).to.deep.equal({ code: 0, kept: 1, said: first });
    expect(await run()).to.deep.equal({ code: 0, kept: 1, said: goesOn(3) });
    leaves.push('d', 'e');
    expect(await run()).to.deep.equal({ code: 0, kept: 2, said: goesOn(5) });
    expect(told).to.have.length(2);
    leaves = ['a', 'b', 'c', 'x', 'e', 'f'];
    expect(await run()).to.deep.equal({
      code: 2,
      kept: 2,
      said: 'the log was forked: its first 5 events are not those of the earlier checkpoint',
    });
    leaves = ['a', 'b', 'c', 'd'];
    expect(await run()).to.deep.equal({
      code: 2,
      kept: 2,
      said: 'the earlier checkpoint has 5 events, and this one 4',
    });
    await writeFile(join(folder.dir, 'kept'), '');
  });

  it('goes on where it was told to, while the system is away', async () => {
    leaves = ['a', 'b'];
    answers = [503];
    const end = new AbortController();
    const running = run({ every: 1 }, end.signal);
    const kept = async () => (await readFile(join(folder.dir, 'kept'), 'utf8')) !== '';
    while (!(await kept())) await pause(20, end.signal);
    end.abort();
    const { code, said } = await running;
    expect(code).to.equal(0);
    expect(said).to.match(/answered 503; again in 1 s,the first checkpoint is kept/);
    answers = [503];
    const once = await run().catch((error: unknown) => error);
    expect(once)
      .to.be.instanceOf(StartError)
      .with.property('message')
      .match(/answered 503\.$/);
  });

  it('takes no answer that is larger than any of ours', async () => {
    leaves = ['a'];
    padding = 3_000_000;
    const thrown = await run().catch((error: unknown) => error);
    padding = 0;
    expect(thrown).to.be.instanceOf(StartError);
    expect(String(thrown)).to.match(/answered too much\.$/);
  });

  it('says what it needs to be told', async () => {
    for (const [places, sentence] of [
      [{}, /--file or --bucket/],
      [{ bucket: 'any' }, /--retain-days/],
    ] as const)
      expect(String(await witnessed(places).catch((error: unknown) => error))).to.match(sentence);
  });

  describe('in a bucket', () => {
    const store = versitygwInSuite({ hasVersions: true });
    const credentials = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'] as const;
    const earlier = credentials.map((name) => process.env[name]);
    let client: S3Client;

    before(() => {
      for (const name of credentials) process.env[name] = store().env[name];
      ({ client } = openBucket(store().config));
    });
    after(() => {
      client?.destroy();
      for (const [n, name] of credentials.entries()) {
        const value = earlier[n];
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    });

    async function bucketOf(ObjectLockEnabledForBucket: boolean) {
      const Bucket = `witness-${randomUUID()}`;
      await client.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket }));
      return { bucket: Bucket, endpoint: store().endpoint, retainDays: 30 };
    }

    it('refuses one that locks nothing, or that is not there', async () => {
      const open = await bucketOf(false);
      for (const [bucket, sentence] of [
        [open.bucket, /has no object lock, so that what is kept there could be removed/],
        ['nobody-made-it', /There is no bucket nobody-made-it\./],
      ] as const) {
        const thrown = await witnessed({ ...open, bucket }).catch((error: unknown) => error);
        expect(thrown).to.be.instanceOf(StartError);
        expect(String(thrown)).to.match(sentence);
      }
    });

    it('says that the store is away', async () => {
      const place = await bucketOf(true);
      await store().kill9();
      const thrown = await witnessed(place).catch((error: unknown) => error);
      await store().restart();
      expect(thrown).to.be.instanceOf(StartError);
      expect(String(thrown)).to.match(/The bucket witness-\S+ cannot be used now: /);
    });

    for (const lock of ['compliance', 'governance'] as const)
      it(`keeps what nobody can remove, and compares with it (${lock})`, async () => {
        const place = { ...(await bucketOf(true)), lock };
        const { bucket: Bucket } = place;
        leaves = ['a', 'b', 'c'];
        const first = 'the first checkpoint is kept, of a log of 3 events';
        expect(await witnessed(place)).to.deep.equal({ code: 0, said: first });
        leaves.push('d', 'e');
        const on = { code: 0, said: 'the log of 5 events goes on from what was kept' };
        expect(await witnessed(place)).to.deep.equal(on);
        expect(await witnessed(place)).to.deep.equal(on);
        const listed = await client.send(new ListObjectVersionsCommand({ Bucket }));
        const [newest, ...others] = listed.Versions ?? [];
        expect(others).to.have.length(1);
        const { Key, VersionId } = newest!;
        expect(Key).to.equal('of/a-log/checkpoint-9999999999999994-5.json');
        const head = await client.send(new HeadObjectCommand({ Bucket, Key }));
        expect(head.ObjectLockMode).to.equal(lock.toUpperCase());
        const days = (head.ObjectLockRetainUntilDate!.getTime() - Date.now()) / 86_400_000;
        expect(days).to.be.closeTo(30, 0.1);
        const removed = await client
          .send(new DeleteObjectCommand({ Bucket, Key, VersionId }))
          .catch((error: Error) => error.name);
        expect(removed).to.equal('AccessDenied');
        // A mark of deletion hides it from those who do not look for versions.
        await client.send(new DeleteObjectCommand({ Bucket, Key }));
        leaves = ['a', 'b', 'c', 'x', 'e', 'f'];
        const fork =
          'the log was forked: its first 5 events are not those of the earlier checkpoint';
        expect(await witnessed(place)).to.deep.equal({ code: 2, said: fork });
      });
  });
});
