import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { checkpointText } from '../../domain/proof/checkpoint.js';
import { hashToBase64, leafHash, type TreeHash } from '../../domain/proof/hashes.js';
import { consistencyRanges, proofOf } from '../../domain/proof/proofs.js';
import { openSigner, signNote } from '../../domain/proof/signed-note.js';
import { EMPTY_EDGE, growTree } from '../../domain/proof/tree.js';
import { pause } from '../../infra/concurrency/pause.js';
import { StartError } from '../../infra/start-error.js';
import { temporaryFolder, type TemporaryFolder } from '../../testing/folders.js';
import type { Context } from '../context.js';
import { witness } from './witness.js';

describe('audit witness', () => {
  let server: Server;
  let folder: TemporaryFolder;
  let leaves: string[] = [];
  const told: string[] = [];
  /** What the next requests are answered. */
  let answers: number[] = [];
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
        response.end(signNote(checkpointText({ origin: 'a/log', size, root }), signer));
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

  async function run(more: { readonly every?: number } = {}, signal?: AbortSignal) {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const printed: string[] = [];
    let code = 0;
    const context = {
      signal,
      print: (line: string) => void printed.push(line),
      endWith: (ended: number) => void (code = ended),
    } as unknown as Context;
    const file = join(folder.dir, 'kept');
    const webhook = `${url}/told`;
    await witness(context, { url: `${url}/`, key: [signer.vkey], file, webhook, ...more });
    const kept = (await readFile(file, 'utf8').catch(() => '')).split('\n').length - 1;
    return { code, kept, said: printed.join().replace(/^http:\S+ /, '') };
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
});
