import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { request } from 'undici';
import { skip } from '../testing/skip.js';
import { behave, calls, type ChatBody, post, prompt } from './testing/kit.js';
import { startSandbox } from './server.js';

describe('sandbox record', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'sandbox-record-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  const chat = (url: string, key: string, personality = 'aurora') =>
    post<ChatBody>(`${url}/${personality}/v1/chat/completions`, prompt(`On ${key}`), {
      'idempotency-key': key,
    });

  it('holds every answered call after kill -9, and nobody pays twice', async () => {
    const first = await startChild(dir);
    const answered = new Map<string, ChatBody>();
    const latency = { kind: 'uniform', minMs: 0, maxMs: 400 };
    await behave(first.url, { aurora: { latency } });
    const keys = Array.from({ length: 300 }, (_, index) => `key-${index}`);
    const work = keys.map((key) =>
      chat(first.url, key).then(
        ({ body }) => {
          answered.set(key, body);
          if (answered.size === 120) first.process.kill('SIGKILL');
        },
        () => null,
      ),
    );
    await Promise.all(work);
    await first.ended;
    expect(answered.size).to.be.within(120, 299);

    const second = await startSandbox({ port: 0, dir });
    await behave(second.url, { aurora: { latency: 0 } });
    const past = await calls(second.url);
    const paidKeys = new Set(past.filter(({ paid }) => paid).map((call) => call.idempotencyKey));
    expect([...answered.keys()].filter((key) => !paidKeys.has(key))).to.deep.equal([]);
    expect(past.some(({ finished }) => !finished)).to.equal(true);
    expect(new Set(past.map(({ call }) => call)).size).to.equal(past.length);

    const again = await Promise.all(keys.map((key) => chat(second.url, key)));
    for (const [index, key] of keys.entries()) {
      const { body, headers } = again[index]!;
      expect(headers['idempotent-replayed']).to.equal(paidKeys.has(key) ? 'true' : undefined);
      if (answered.has(key)) expect(body).to.deep.equal(answered.get(key));
    }
    const paid = (await calls(second.url)).filter((call) => call.paid);
    expect(paid.map(({ dispatchKey }) => dispatchKey).sort()).to.deep.equal([...keys].sort());
    await second.close();
  });

  it('tolerates a torn last line and goes on counting', async () => {
    const first = await startSandbox({ port: 0, dir });
    await behave(first.url, { aurora: { latency: 0 } });
    await chat(first.url, 'a');
    await first.close();
    const whole = await readFile(join(dir, 'calls.ndjson'), 'utf8');
    await appendFile(join(dir, 'calls.ndjson'), '{"n":2,"call":2,"finished":true,"ti');
    const second = await startSandbox({ port: 0, dir });
    await behave(second.url, { aurora: { latency: 0 } });
    expect((await calls(second.url)).map(({ n }) => n)).to.deep.equal([1]);
    await chat(second.url, 'b');
    const record = await calls(second.url);
    expect(record.map(({ n, idempotencyKey }) => [n, idempotencyKey])).to.deep.equal([
      [1, 'a'],
      [2, 'b'],
    ]);
    await second.close();
    expect(await readFile(join(dir, 'calls.ndjson'), 'utf8')).to.satisfy((text: string) =>
      text.startsWith(whole),
    );
  });

  it('answers nobody while the disk is full, and says so', async function () {
    if (!existsSync('/dev/full')) return skip(this, 'this system has no /dev/full');
    await symlink('/dev/full', join(dir, 'calls.ndjson'));
    const sandbox = await startSandbox({ port: 0, dir });
    await behave(sandbox.url, { aurora: { latency: 0 } });
    const answer = chat(sandbox.url, 'a').catch(() => 'cut');
    const health = async () => {
      const { statusCode, body } = await request(`${sandbox.url}/_sandbox/healthz`);
      return { statusCode, said: await body.text() };
    };
    let now = await health();
    while (now.statusCode === 200) now = await health();
    expect(now.said).to.contain('No record can be written: ENOSPC');
    expect((await chat(sandbox.url, 'b')).status).to.equal(503);
    const closing = await sandbox.close().catch((error: Error) => error.message);
    expect(closing).to.contain('ENOSPC');
    expect(await answer).to.equal('cut');
  });

  it('finds any cursor in a record of thousands of calls', async () => {
    const sandbox = await startSandbox({ port: 0, dir });
    await behave(sandbox.url, { aurora: { latency: 0 }, borealis: { latency: 1 } });
    for (let done = 0; done < 2200; done += 100) {
      const mixed = Array.from({ length: 100 }, (_, index) =>
        chat(sandbox.url, `key-${done + index}`, index % 2 === 0 ? 'aurora' : 'borealis'),
      );
      await Promise.all(mixed);
    }
    const all = await calls(sandbox.url);
    expect(all.length).to.equal(2200);
    expect(all.every(({ n }, index) => index === 0 || n > all[index - 1]!.n)).to.equal(true);
    for (const after of [0, 1, 1022, 1023, 1024, 1025, 2047, 2048, 3000, 9999]) {
      expect(await calls(sandbox.url, `?after=${after}`)).to.deep.equal(
        all.filter(({ n }) => n > after),
      );
    }
    await sandbox.close();
  });

  it('closes at once while calls hang and connections idle', async () => {
    const sandbox = await startSandbox({ port: 0, dir });
    await behave(sandbox.url, { aurora: { latency: 60_000 } });
    const hanging = chat(sandbox.url, 'a').then(
      () => 'answered',
      () => 'cut',
    );
    while ((await calls(sandbox.url)).length === 0);
    const from = performance.now();
    await sandbox.close();
    expect(performance.now() - from).to.be.lessThan(4_000);
    expect(await hanging).to.equal('cut');
    const refused = await request(`${sandbox.url}/_sandbox/healthz`).catch(() => 'refused');
    expect(refused).to.equal('refused');
  });
});

/** A sandbox in a process of its own, so that it can be killed. */
async function startChild(dir: string) {
  const script = `
    import { startSandbox } from './sandbox/server.ts';
    console.log((await startSandbox({ port: 0, dir: ${JSON.stringify(dir)} })).url);`;
  const root = join(import.meta.dirname, '..');
  const args = ['--import', 'tsx', '--input-type=module', '-e', script];
  const child: ChildProcess = spawn(process.execPath, args, { cwd: root });
  const ended = once(child, 'exit');
  const [url] = (await Promise.race([
    once(createInterface({ input: child.stdout! }), 'line'),
    ended.then(() => Promise.reject(new Error('The sandbox did not start.'))),
  ])) as [string];
  return { url, process: child, ended };
}
