/** The programs of docs/build/webhooks.md, as they are on the page, and what we sign. */
import { expect } from 'chai';
import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { Context } from 'mocha';
import { request } from 'undici';
import { repositoryRoot, startChild, type Child } from '../../testing/child-process.js';
import { eventually } from '../../testing/eventually.js';
import { temporaryFolder } from '../../testing/folders.js';
import { freePort } from '../../testing/free-port.js';
import { skip } from '../../testing/skip.js';
import { signatureHeaders } from './sign.js';

const run = promisify(execFile);
const PAGE = readFileSync(join(repositoryRoot, 'docs/build/webhooks.md'), 'utf8');
const secretOf = (name: string) =>
  `whsec_${createHmac('sha256', 'a spec').update(name).digest('base64')}`;
const [OLD, NEW, FOREIGN] = ['old', 'new', 'foreign'].map(secretOf) as [string, string, string];
const BODY = JSON.stringify({ id: 'evt_1', type: 'execution.completed', data: { text: 'Zoë 🙂' } });
/** Packages of other languages, fetched once on a machine. */
const CACHE = join(homedir(), '.cache/modelroute/receivers');

describe('receivers of the page on webhooks', function () {
  this.timeout(120_000);
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  const children: Child[] = [];
  before(async () => {
    folder = await temporaryFolder();
    await mkdir(CACHE, { recursive: true });
  });
  afterEach(async () => {
    for (const child of children.splice(0)) {
      child.process.kill('SIGKILL');
      await child.exited;
    }
  });
  after(() => folder.remove());

  const now = () => Math.floor(Date.now() / 1000);
  const signed = (secrets: readonly [string, ...string[]], timestampSeconds = now(), body = BODY) =>
    signatureHeaders({ eventId: 'evt_1', body, secrets, timestampSeconds });

  /** What a receiver answers to what is genuine, and to what is not. */
  async function checked(command: string, args: readonly string[], env = {}): Promise<void> {
    const port = await freePort();
    const given = { PORT: String(port), WEBHOOK_SECRET: OLD, ...env };
    const child = startChild({ command, args, env: given, cwd: folder.dir });
    children.push(child);
    const post = async (headers: Record<string, string>, body = BODY) => {
      const method = 'POST';
      const answer = await request(`http://127.0.0.1:${port}/`, { method, headers, body });
      await answer.body.dump();
      return answer.statusCode;
    };
    await eventually('the receiver listens', () => post({}).catch(() => 0), 30_000);
    expect(await post(signed([OLD])), child.lines.join('\n')).to.equal(204);
    expect(await post(signed([NEW, OLD])), 'during a rotation').to.equal(204);
    expect(await post(signed([FOREIGN]))).to.equal(400);
    expect(await post(signed([OLD]), `${BODY} `), 'another body').to.equal(400);
    expect(await post(signed([OLD], now() - 400)), 'an old one').to.equal(400);
    expect(await post({}), 'no signature').to.equal(400);
  }

  it('Node', async () => {
    await writeFile(join(folder.dir, 'receiver.mjs'), programOf('Node'));
    const modules = join(folder.dir, 'node_modules');
    if (!existsSync(modules)) await symlink(join(repositoryRoot, 'node_modules'), modules);
    await checked(process.execPath, ['receiver.mjs']);
  });

  it('Python', async function () {
    const packages = join(CACHE, 'python');
    if (!existsSync(join(packages, 'standardwebhooks')))
      await orSkip(this, 'pip', ['install', '-q', '--target', packages, 'standardwebhooks==1.1.0']);
    await writeFile(join(folder.dir, 'receiver.py'), programOf('Python'));
    await orSkip(this, 'python3', ['--version']);
    await checked('python3', ['receiver.py'], { PYTHONPATH: packages });
  });

  it('Go', async function () {
    const dir = join(folder.dir, 'go');
    await mkdir(dir);
    await writeFile(join(dir, 'main.go'), programOf('Go'));
    await writeFile(join(dir, 'go.mod'), 'module receiver\n');
    const [, module = ''] = /^`go get (\S+)`$/m.exec(PAGE) ?? [];
    await orSkip(this, 'go', ['get', module], dir);
    await run('go', ['build', '-o', 'receiver', '.'], { cwd: dir });
    await checked(join(dir, 'receiver'), []);
  });

  it('openssl', async function () {
    await orSkip(this, 'openssl', ['version']);
    await writeFile(join(folder.dir, 'body.json'), BODY);
    const saidWith = async (headers: ReturnType<typeof signed>) => {
      const { 'x-signature': SIGNATURE, 'x-signature-timestamp': TIMESTAMP } = headers;
      const env = { ...process.env, WEBHOOK_SECRET: NEW, SIGNATURE, TIMESTAMP };
      const options = { cwd: folder.dir, env };
      return (await run('sh', ['-c', programOf('openssl')], options)).stdout.trim();
    };
    expect(await saidWith(signed([NEW, OLD]))).to.equal('genuine');
    expect(await saidWith(signed([OLD]))).to.equal('forged');
    expect(await saidWith(signed([NEW], now(), `${BODY} `))).to.equal('forged');
  });

  it('without a library', async () => {
    const path = join(folder.dir, 'genuine.mjs');
    await writeFile(path, programOf('Without a library'));
    const { isGenuine } = (await import(pathToFileURL(path).href)) as {
      readonly isGenuine: (headers: object, rawBody: string, secret: string) => boolean;
    };
    expect(isGenuine(signed([OLD]), BODY, OLD)).to.equal(true);
    expect(isGenuine(signed([NEW, OLD]), BODY, OLD), 'during a rotation').to.equal(true);
    expect(isGenuine(signed([NEW, OLD]), BODY, NEW), 'during a rotation').to.equal(true);
    expect(isGenuine(signed([OLD]), BODY, NEW)).to.equal(false);
    expect(isGenuine(signed([OLD]), `${BODY} `, OLD)).to.equal(false);
    expect(isGenuine(signed([OLD], now() - 400), BODY, OLD)).to.equal(false);
    expect(isGenuine({}, BODY, OLD)).to.equal(false);
  });
});

/** The first block of code below that heading. */
function programOf(heading: string): string {
  const [, section = ''] = PAGE.split(`\n### ${heading}\n`);
  const [, program] = /```[a-z]+\n(.*?)```/s.exec(section) ?? [];
  if (program === undefined) throw new Error(`the page has no program below ${heading}`);
  return program;
}

/** Where a language, or its packages, cannot be had. */
async function orSkip(test: Context, command: string, args: readonly string[], cwd?: string) {
  try {
    await run(command, args, cwd === undefined ? {} : { cwd });
  } catch (error) {
    skip(test, `${command} ${args[0]}: ${String(error).split('\n')[0]}`);
  }
}
