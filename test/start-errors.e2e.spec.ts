/** What cannot start says why in one sentence; what must stop does so in time. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import pg from 'pg';
import { exitOf, startChild } from '../testing/child-process.js';
import { newTenant } from '../testing/client.js';
import { eventually } from '../testing/eventually.js';
import { accept, imageOf, textOf } from './testing/executions.js';
import { freePort } from '../testing/free-port.js';
import { freshDatabase, type FreshDatabase } from '../infra/postgres/testing/fresh-database.js';
import { behave } from '../sandbox/testing/behaviour.js';
import { programOf, startSystem } from '../testing/system.js';
import { sharedSystem } from '../testing/system-in-suite.js';

const EXIT_DEADLINE_MS = 20_000;

describe('a start that cannot succeed', function () {
  this.timeout(60_000);
  const system = sharedSystem();
  let folder: string;
  let database: FreshDatabase;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'modelroute-start-'));
    database = await freshDatabase();
  });
  after(async () => {
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Everything it said, and how it ended. */
  const sayingsOf = async (env: Readonly<Record<string, string>>, ...args: string[]) => {
    const child = startChild({
      ...programOf({}, ...(args.length > 0 ? args : ['serve'])),
      env: {
        PORT: '0',
        MODELROUTE_DATA_DIR: join(folder, 'data'),
        MODELROUTE_DEMO: '0',
        DATABASE_URL: database.url,
        ...env,
      },
    });
    const { code } = await exitOf(child, EXIT_DEADLINE_MS);
    return { code, said: child.lines.filter((line) => !line.includes('"level":"info"')) };
  };

  const fails = async (env: Readonly<Record<string, string>>, sentence: RegExp) => {
    const { code, said } = await sayingsOf(env);
    expect(said, said.join('\n')).to.have.length(1);
    expect(said[0]).to.match(sentence);
    expect(said[0]).not.to.match(/\n|Error:| at .*:\d+:\d+/);
    expect(code).to.equal(1);
  };

  it('a data folder where no folder can be', () =>
    fails({ MODELROUTE_DATA_DIR: '/proc/none' }, /^No folder \/proc\/none can be made there/));

  for (const [name, value] of Object.entries({
    PORT: 'eighty',
    MODELROUTE_ROLES: 'all,baker',
    MODELROUTE_DEMO: 'yes',
    MODELROUTE_ADMIN_KEY: 'short',
    MODELROUTE_ALLOW_PRIVATE_NETWORKS: '127.0.0.0/99',
    MODELROUTE_LOG_LEVEL: 'loud',
    DATABASE_URL: 'mysql://localhost',
    EVENTSTORE_URL: 'http://127.0.0.1:2113',
    KAFKA_BROKERS: '127.0.0.1',
    S3_ENDPOINT: 'ftp://127.0.0.1',
    MODELROUTE_UPLOADS: 'direct',
  }))
    it(`names ${name} when it is ${value}`, () => fails({ [name]: value }, new RegExp(name)));

  it('names the catalogue that is not there, or wrong', async () => {
    const missing = join(folder, 'missing.yaml');
    await fails({ MODELROUTE_CATALOGUE: missing }, /missing\.yaml/);
    const wrong = join(folder, 'wrong.yaml');
    await writeFile(wrong, 'models: {}\nproviders: {a: {adapter: nonsense}}\n');
    await fails({ MODELROUTE_CATALOGUE: wrong }, /wrong\.yaml/);
  });

  it('names the file store where nobody answers', async () => {
    const port = await freePort();
    const store = { S3_ENDPOINT: `http://127.0.0.1:${port}`, S3_BUCKET: 'modelroute' };
    await fails({ ...store, AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' }, /S3_ENDPOINT/);
  });

  it('names what a process of some roles lacks', () =>
    fails({ MODELROUTE_ROLES: 'command-api' }, /MODELROUTE_MASTER_KEY/));

  it('names the port that is in use', async () => {
    const server = createServer().listen(0);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await fails({ PORT: String(port) }, new RegExp(`^(?=.*\\b${port}\\b)(?=.*PORT)`));
    server.close();
  });

  it('names the data folder that is a file, or below one', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    await fails({ MODELROUTE_DATA_DIR: file }, /modelroute-start-.*file/);
    await fails({ MODELROUTE_DATA_DIR: join(file, 'data') }, /modelroute-start-.*file/);
  });

  it('names the data folder in which nothing can be written', async () => {
    const locked = join(folder, 'locked');
    await mkdir(locked, { mode: 0o500 });
    // No mode keeps root out, but nobody makes folders among the kernel's own.
    const place = process.getuid?.() === 0 ? '/sys' : locked;
    await fails({ MODELROUTE_DATA_DIR: join(place, 'modelroute') }, new RegExp(place));
  });

  it('names the database that does not answer, without its password', async () => {
    const url = 'postgres://modelroute:secret-word@127.0.0.1:1/modelroute';
    await fails({ DATABASE_URL: url }, /^(?!.*secret-word).*127\.0\.0\.1:1/);
  });

  it('gives way to the process that has the data folder', async () => {
    const { dataDir, pid } = system();
    await fails(
      { MODELROUTE_DATA_DIR: dataDir, DATABASE_URL: '' },
      new RegExp(`${pid}|${dataDir}`),
    );
  });

  it('leaves alone the data of a newer release', async () => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query(`
      create table if not exists public.schema_migrations (
        id integer primary key, name text not null, applied_at timestamptz not null default now());
      insert into public.schema_migrations (id, name) values (9999, 'of a release to come')`);
    await client.end();
    await fails({}, /newer/);
  });

  it('knows no command by that name', async () => {
    const { code, said } = await sayingsOf({}, 'bake');
    expect([code === 0, said.length > 0]).to.deep.equal([false, true]);
    expect(said.join('\n')).not.to.match(/ at .*:\d+:\d+/);
  });
});

describe('stopping', function () {
  this.timeout(90_000);

  it('finishes what is in flight, within ten seconds; a second signal ends at once', async () => {
    const system = await startSystem();
    const { api } = await newTenant(system);
    await behave(system.sandboxUrl, { aurora: { latency: 1_500 }, borealis: { latency: 1_500 } });
    const processing = (id: string) =>
      eventually('a provider is at it', async () => {
        const { body } = await api.execution(id);
        return body.status === 'PROCESSING';
      });
    const { id } = await accept(api, textOf('Let me finish'));
    await processing(id);
    const askedAt = performance.now();
    // Twice at once, as a process group is told of which `make` is a member.
    system.signal('SIGTERM');
    system.signal('SIGTERM');
    expect((await system.exited(15_000)).code).to.equal(0);
    expect(performance.now() - askedAt).to.be.below(13_000);

    await system.restart();
    expect((await api.execution(id)).body).to.include({ status: 'COMPLETED' });
    await behave(system.sandboxUrl, { aurora: { latency: 60_000 }, borealis: { latency: 60_000 } });
    await processing((await accept(api, imageOf('Too slow'))).id);
    await processing((await accept(api, textOf('Too slow'))).id);
    system.signal('SIGTERM');
    await expectStillRunning(system.exited(60_000));
    const secondAt = performance.now();
    system.signal('SIGTERM');
    await system.exited(5_000);
    expect(performance.now() - secondAt).to.be.below(4_000);

    await system.restart();
    expect((await api.execution(id)).body).to.include({ status: 'COMPLETED' });
    expect(await system.stop()).to.equal(0);
  });
});

async function expectStillRunning(exited: Promise<unknown>): Promise<void> {
  const early = await Promise.race([
    exited,
    new Promise((resolve) => setTimeout(resolve, 1_000, 'no')),
  ]);
  expect(early).to.equal('no');
}
