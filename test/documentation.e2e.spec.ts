/**
 * What a newcomer types is what a spec runs: every `sh` block of the README, of docs/start, of the
 * quickstart, of the page that tests a client and of the one that connects a provider, in the order
 * of the page, against a system that the README's own command has started.
 */
import { readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { exitOf, repositoryRoot, startChild, type Child } from '../testing/child-process.js';
import { eventually } from '../testing/eventually.js';
import { temporaryFolder, type TemporaryFolder } from '../testing/folders.js';
import { freePort } from '../testing/free-port.js';
import { isReadyLine } from '../testing/system.js';
import { textOf } from '../testing/repository-files.js';

const START = 'make start';
/** Before it stand variables, on the page that needs some. */
const START_LINE = new RegExp(`^((?:[A-Z_]+=\\S+ )*)${START}(?: .*)?$`, 'gm');
const TESTING_PAGE = 'docs/build/testing.md';
/** Where pages have the sandbox, and receivers of the reader's own. */
const SANDBOX_PORT = '9090';
const RECEIVER_PORT = '9000';
/** The commands of one page; `verify` rebuilds every read model. */
const PAGE_MS = 120_000;
const START_MS = 60_000;
const STOP_MS = 20_000;

/** The commands of a page, without the one that starts the system. */
function commandsOf(page: string): string {
  const blocks = [...textOf(page).matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text = '']) => text);
  return blocks.join('').replaceAll(START_LINE, '');
}

/** What the page that tests a client starts the system with. */
function variablesOf(page: string): Record<string, string> {
  const [, variables = ''] = [...textOf(page).matchAll(START_LINE)][0] ?? [];
  const pairs = [...variables.matchAll(/([A-Z_]+)=(\S+)/g)];
  return Object.fromEntries(pairs.map(([, name = '', value = '']) => [name, value]));
}

describe('the documentation', function () {
  this.timeout(PAGE_MS);
  let folder: TemporaryFolder;
  let system: Child;
  let env: Record<string, string>;
  let ports: Record<string, string>;

  before(async () => {
    folder = await temporaryFolder();
    // A clone of its own, as far as a command can see, with a data folder of its own.
    for (const name of ['Makefile', 'bin', 'dist', 'node_modules', 'package.json', 'scripts'])
      await symlink(join(repositoryRoot, name), join(folder.dir, name));
    for (const name of ['package-lock.json', 'catalogue.yaml', 'catalogue.examples'])
      await symlink(join(repositoryRoot, name), join(folder.dir, name));
    expect(textOf('README.md')).to.match(new RegExp(`^${START} `, 'm'));
    const port = String(await freePort());
    const sandboxPort = String(await freePort());
    const receiverPort = String(await freePort());
    ports = {
      'localhost:8080': `localhost:${port}`,
      [SANDBOX_PORT]: sandboxPort,
      [RECEIVER_PORT]: receiverPort,
    };
    const started = variablesOf(TESTING_PAGE);
    expect(started['MODELROUTE_SANDBOX_PORT']).to.equal(SANDBOX_PORT);
    env = { ...started, PORT: port, MODELROUTE_SANDBOX_PORT: sandboxPort };
    // The build stands already: other specs are running it.
    const args = ['-c', START.replace('make', 'exec make --old-file=build')];
    system = startChild({ command: 'bash', args, env, cwd: folder.dir });
    const isDone = () => system.lines.some((line) => line.includes('demo: done'));
    const isOver = () => isDone() && system.lines.some(isReadyLine);
    await eventually('the first minute is over', isOver, START_MS);
  });

  after(async () => {
    system.process.kill('SIGTERM');
    await exitOf(system, STOP_MS);
    await folder.remove();
  });

  async function run(page: string): Promise<readonly string[]> {
    const script = Object.entries(ports).reduce(
      (text, [shown, free]) => text.replaceAll(shown, free),
      commandsOf(page),
    );
    expect(script.trim()).to.not.equal('');
    const child = startChild({
      command: 'bash',
      args: ['-euo', 'pipefail', '-c', script],
      env,
      cwd: folder.dir,
    });
    const { code } = await exitOf(child, PAGE_MS);
    expect(code, child.lines.slice(-20).join('\n')).to.equal(0);
    return child.lines;
  }

  it('README.md: its curl gets the answer that it shows', async () => {
    const lines = await run('README.md');
    const accepted = lines.findIndex((line) => line.startsWith('HTTP/1.1 202 Accepted'));
    expect(accepted).to.be.greaterThan(-1);
    const shown = /^```\nHTTP\/1\.1 202 .*?\n\n(\{.*?\})\n```$/ms.exec(textOf('README.md'))?.[1];
    const keysOf = (json = '{}') => Object.keys(JSON.parse(json) as object);
    expect(keysOf(lines.find((line) => line.startsWith('{"id"')))).to.deep.equal(keysOf(shown));
  });

  it('docs/build/quickstart.md: each answer is what the page says', async () => {
    const lines = await run('docs/build/quickstart.md');
    expect(lines.find((line) => /^idempotency-replayed: true/i.test(line))).to.not.equal(undefined);
    expect(lines.slice(-2)).to.deep.equal(['INPUT_VALIDATION_ERROR', 'IDEMPOTENCY_MISMATCH']);
  });

  it('docs/build/testing.md: each failure is the one that the page is about', async () => {
    const lines = await run(TESTING_PAGE);
    const words = lines.filter((line) => /^[A-Za-z_]+$/.test(line));
    expect(words).to.deep.equal([
      ...['GENERATION_FAILED', 'MODEL_OVERLOADED', 'MODEL_UNAVAILABLE', 'GENERATION_TIMEOUT'],
      'CONTENT_MODERATION_REJECTED',
      ...['EXPIRED', 'CANCELLED', 'COMPLETED', 'CONFLICT'],
      'WAITING',
      ...['max_in_flight', 'INSUFFICIENT_BALANCE', 'PENDING'],
    ]);
    const rests = lines.slice(lines.indexOf('{'), lines.indexOf('}')).join('');
    expect(rests).to.match(/code: 'MODEL_UNAVAILABLE'.*retry_after: 3\d{3}/);
    expect(lines.filter((line) => line.startsWith('evt_'))).to.have.length(2);
    expect(lines).to.include('retry-after: 1');
  });

  it('docs/build/connect-a-provider.md: a catalogue is checked and imported into', async () => {
    const lines = await run('docs/build/connect-a-provider.md');
    expect(lines.filter((line) => line === 'nothing is wrong')).to.have.length(2);
    expect(lines.filter((line) => line.startsWith('+ '))).to.deep.equal([
      '+ provider openrouter',
      '+ openai-gpt-4o-mini  openai/gpt-4o-mini  1m_input_tokens 0.150, 1m_output_tokens 0.600',
      '+ provider openrouter',
      '+ openai-gpt-4o-mini  openai/gpt-4o-mini  1m_input_tokens 0.150, 1m_output_tokens 0.600',
    ]);
    expect(lines).to.include('written to my-catalogue.yaml');
  });

  it('every page of docs/start: each command does what it is there for', async () => {
    const pages = (await readdir(join(repositoryRoot, 'docs/start'))).filter((name) =>
      name.endsWith('.md'),
    );
    for (const page of pages) {
      const lines = await run(`docs/start/${page}`);
      const refused = lines.filter((line) => line.startsWith('{"error"'));
      // The execution that is to be cancelled is over already, as the page says.
      expect(refused.filter((line) => !line.includes('"CONFLICT"'))).to.deep.equal([]);
    }
  });
});
