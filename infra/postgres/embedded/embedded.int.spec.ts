import { chown, cp, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { expect } from 'chai';
import pg from 'pg';
import pino from 'pino';
import { skip } from '../../../testing/skip.js';
import { StartError } from '../../start-error.js';
import { embeddedChild, type EmbeddedChild } from '../testing/embedded-child.js';
import { runningPostgresUrl, startEmbeddedPostgres, type EmbeddedPostgres } from './embedded.js';
import { identify, signal, until } from './process.js';

const isRoot = process.getuid?.() === 0;
const log = pino({ level: 'silent' });

describe('embedded PostgreSQL', function () {
  this.timeout(60_000);
  this.slow(5_000);

  const folders: string[] = [];
  const children: EmbeddedChild[] = [];
  const servers: EmbeddedPostgres[] = [];

  async function start(dataDir: string, pgDir?: string): Promise<EmbeddedPostgres> {
    const server = await startEmbeddedPostgres({ dataDir, pgDir, log });
    servers.push(server);
    return server;
  }

  function startInChild(dataDir: string, uid?: number): EmbeddedChild {
    const child = embeddedChild(dataDir, undefined, uid);
    children.push(child);
    return child;
  }

  /** One cluster for the specs that leave it whole; made by the first of them. */
  let lasting: string;

  /** mkdtemp makes it 0700: as root, nobody else can enter. */
  async function newDataDir(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'modelroute-embedded-'));
    folders.push(folder);
    return folder;
  }

  before(async () => {
    lasting = await newDataDir();
    folders.length = 0;
  });

  afterEach(async () => {
    for (const child of children.splice(0)) await child.kill();
    for (const server of servers.splice(0)) await server.stop();
    for (const folder of folders.splice(0)) await remove(folder);
  });

  after(() => remove(lasting));

  it('keeps its data and its url over a stop and a start', async () => {
    const dataDir = lasting;
    const first = await start(dataDir);
    await note(first.url, 'before the stop');
    expect(await runningPostgresUrl(dataDir)).to.equal(first.url);
    await first.stop();
    expect(await identify(first.postmasterPid)).to.equal(undefined);
    expect(await runningPostgresUrl(dataDir)).to.equal(undefined);

    const began = performance.now();
    const second = await start(dataDir);

    expect(performance.now() - began).to.be.lessThan(8_000);
    expect({ adopted: second.adopted, url: second.url }).to.deep.equal({
      adopted: false,
      url: first.url,
    });
    expect(await notes(second.url)).to.deep.equal(['before the stop']);
    const pointer = await stat(join(dataDir, 'postgres.json'));
    expect(pointer.mode & 0o777).to.equal(0o600);
  });

  it('is as durable and as local as its settings promise', async () => {
    const { url } = await start(lasting);
    const names = ['fsync', 'full_page_writes', 'jit', 'listen_addresses', 'max_connections'];
    names.push('server_encoding', 'synchronous_commit', 'timezone', 'unix_socket_directories');
    const rows = await query(
      url,
      `select name, setting from pg_settings where lower(name) = any('{${names.join()}}')`,
    );
    expect(Object.fromEntries(rows.map((row) => [row['name'], row['setting']]))).to.deep.equal({
      TimeZone: 'UTC',
      fsync: 'on',
      full_page_writes: 'on',
      jit: 'off',
      listen_addresses: '127.0.0.1',
      max_connections: '300',
      server_encoding: 'UTF8',
      synchronous_commit: 'on',
      unix_socket_directories: '',
    });
  });

  it('comes back by itself on the same url when its postmaster is killed', async () => {
    const server = await start(lasting);
    await note(server.url, 'committed');
    const killed = server.postmasterPid;

    signal(killed, 'SIGKILL');

    expect(await until(() => notes(server.url).catch(() => false as const), 10_000)).to.deep.equal([
      'committed',
    ]);
    expect(await until(async () => server.postmasterPid !== killed, 1_000)).to.equal(true);
  });

  it('takes over the server of a killed process, and ends that process’s statements', async () => {
    const dataDir = lasting;
    const child = startInChild(dataDir);
    const { url, postmasterPid } = await child.ready;
    await note(url, 'before the kill');
    const left = query(url, 'select pg_sleep(600)').catch((error: Error) => error.message);
    await until(async () => (await sessions(url)) === 2, 5_000);
    await child.kill();

    const server = await start(dataDir);

    expect(server.adopted).to.equal(true);
    expect({ url: server.url, pid: server.postmasterPid }).to.deep.equal({
      url,
      pid: postmasterPid,
    });
    expect(await left).to.match(/terminating connection/);
    expect(await notes(server.url)).to.deep.equal(['before the kill']);
    await server.stop();
    expect(await identify(postmasterPid)).to.equal(undefined);
  });

  it('recovers after its process and its postmaster were both killed', async () => {
    const dataDir = lasting;
    const child = startInChild(dataDir);
    const { url, postmasterPid } = await child.ready;
    await note(url, 'committed');
    const left = query(url, 'select pg_sleep(600)').catch(() => 'cut');
    await until(async () => (await sessions(url)) === 2, 5_000);
    await child.kill();
    signal(postmasterPid, 'SIGKILL');

    const server = await start(dataDir);

    expect(server.adopted).to.equal(false);
    expect(await notes(server.url)).to.deep.equal(['committed']);
    expect(await left).to.equal('cut');
  });

  it('ends a server of ours that does not answer, and starts anew', async () => {
    const dataDir = lasting;
    const child = startInChild(dataDir);
    const { url, postmasterPid } = await child.ready;
    await note(url, 'committed');
    await child.kill();
    signal(postmasterPid, 'SIGSTOP');

    const server = await start(dataDir);

    expect(server.adopted).to.equal(false);
    expect(await identify(postmasterPid)).to.equal(undefined);
    expect(await notes(server.url)).to.deep.equal(['committed']);

    // One that is frozen later is ended in order, and in time.
    signal(server.postmasterPid, 'SIGSTOP');
    const beganMs = performance.now();
    await server.stop();
    expect(performance.now() - beganMs).to.be.lessThan(10_000);
  });

  it('starts although postmaster.pid names a living stranger', async () => {
    const dataDir = lasting;
    const first = await start(dataDir);
    await note(first.url, 'still there');
    const pidFile = join(await clusterOf(dataDir), 'postmaster.pid');
    const lines = (await readFile(pidFile, 'utf8')).split('\n');
    await first.stop();
    await writeFile(pidFile, [String(process.pid), ...lines.slice(1)].join('\n'));

    const second = await start(dataDir);

    expect(second.adopted).to.equal(false);
    expect(await notes(second.url)).to.deep.equal(['still there']);
  });

  it('makes the cluster anew when it was killed while making it', async () => {
    const dataDir = await newDataDir();
    const child = startInChild(dataDir);
    const begun = async () => {
      const home = dirname(await clusterOf(dataDir));
      return (await readdir(home)).some((name) => name.includes('.new-'));
    };
    expect(await until(() => begun().catch(() => false), 20_000, 5)).to.equal(true);
    await child.kill();

    const server = await start(dataDir);

    expect(await notes(server.url)).to.deep.equal([]);
    const home = dirname(await clusterOf(dataDir));
    expect((await readdir(home)).filter((name) => name.includes('.new-'))).to.deep.equal([]);
  });

  it('moves to another port when its own is taken meanwhile', async () => {
    const dataDir = lasting;
    const first = await start(dataDir);
    const port = Number(new URL(first.url).port);
    await first.stop();
    const squatter = createServer();
    await new Promise<void>((done) => squatter.listen(port, '127.0.0.1', done));
    try {
      const second = await start(dataDir);
      expect(Number(new URL(second.url).port)).to.not.equal(port);
      expect(await identify(second.postmasterPid)).to.not.equal(undefined);
    } finally {
      squatter.close();
    }
  });

  it('refuses a cluster of a newer PostgreSQL, and one that is not where it was', async () => {
    const dataDir = await newDataDir();
    await (await start(dataDir)).stop();
    const cluster = await clusterOf(dataDir);
    await writeFile(join(cluster, 'PG_VERSION'), '99\n');
    await refused(start(dataDir), /made by PostgreSQL 99 and this ModelRoute brings 18/);

    await rm(isRoot ? cluster : join(dataDir, 'postgres.json'), { recursive: true });
    await refused(start(dataDir), isRoot ? /is gone: bring it back/ : /restore that file/);
  });

  it('refuses a data folder that is a file', async () => {
    const file = join(await newDataDir(), 'data');
    await writeFile(file, '');
    await refused(start(file), /cannot be used as a folder/);
  });

  it('works for an ordinary user inside the data folder', async function () {
    const nobody = 65534;
    const dataDir = await newDataDir();
    if (isRoot) await chown(dataDir, nobody, nobody);
    const child = startInChild(dataDir, isRoot ? nobody : undefined);
    const ready = await child.ready.catch((error: Error) => error.message);
    if (typeof ready === 'string') {
      expect(isRoot && /ended before|EACCES|permission denied/.test(ready), ready).to.equal(true);
      return skip(this, 'the clone is in a folder that an ordinary user cannot read');
    }
    await note(ready.url, 'mine');
    expect(await notes(ready.url)).to.deep.equal(['mine']);
    expect(await clusterOf(dataDir)).to.equal(join(dataDir, 'postgres'));
    if (isRoot) await refused(start(dataDir), /made by an ordinary user: start as that user/);
    await child.kill();
  });

  describe('as root', () => {
    before(function () {
      if (!isRoot) skip(this, 'the specs do not run as root');
    });

    it('keeps the cluster where the server’s user can enter, named by the pointer', async () => {
      const dataDir = await newDataDir();
      const base = await newDataDir();
      await start(dataDir, base);
      const cluster = await clusterOf(dataDir);
      expect(dirname(dirname(cluster))).to.equal(base);
      expect((await stat(cluster)).uid).to.not.equal(0);
    });

    it('says what to do when that place cannot be entered', async () => {
      const closed = join(await newDataDir(), 'inside');
      await refused(start(await newDataDir(), closed), /MODELROUTE_PG_DIR/);
    });

    it('refuses a copied data folder, whose database was not copied', async () => {
      const dataDir = await newDataDir();
      await (await start(dataDir)).stop();
      const copy = await newDataDir();
      await cp(dataDir, copy, { recursive: true });
      await refused(start(copy), /is a copy of/);
      await rm(join(copy, 'postgres.json'));
    });

    it('follows a data folder that was deleted, with its server running', async () => {
      const base = await newDataDir();
      const dataDir = await newDataDir();
      const child = embeddedChild(dataDir, base);
      children.push(child);
      const { postmasterPid } = await child.ready;
      const home = dirname(await clusterOf(dataDir));
      await child.kill();
      await rm(dataDir, { recursive: true });

      await start(await newDataDir(), base);

      expect(await identify(postmasterPid)).to.equal(undefined);
      expect(await stat(home).catch(() => 'gone')).to.equal('gone');
    });
  });
});

async function refused(attempt: Promise<unknown>, sentence: RegExp): Promise<void> {
  const outcome = await attempt.catch((error: unknown) => error);
  expect(outcome).to.be.instanceOf(StartError);
  expect((outcome as StartError).message).to.match(sentence);
}

/** The data folder, and whatever of its database is left running or lies elsewhere. */
async function remove(dataDir: string): Promise<void> {
  const cluster = await clusterOf(dataDir).catch(() => undefined);
  const left = cluster && (await postmasterPidOf(cluster));
  if (left && (await identify(left))) signal(left, 'SIGKILL');
  if (cluster) await rm(dirname(cluster), { recursive: true, force: true, maxRetries: 20 });
  await rm(dataDir, { recursive: true, force: true, maxRetries: 20 });
}

async function clusterOf(dataDir: string): Promise<string> {
  const text = await readFile(join(dataDir, 'postgres.json'), 'utf8');
  return resolve(dataDir, (JSON.parse(text) as { cluster: string }).cluster);
}

async function postmasterPidOf(cluster: string): Promise<number> {
  const text = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '0');
  return Number(text.split('\n')[0]);
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    void client.end();
  }
}

const table = 'create table if not exists notes (text text)';

/** Makes this the only one. */
async function note(url: string, text: string): Promise<void> {
  await query(url, `drop table if exists notes; ${table}`);
  await query(url, `insert into notes values ('${text}')`);
}

async function notes(url: string): Promise<unknown[]> {
  await query(url, table);
  return (await query(url, 'select text from notes')).map((row) => row['text']);
}

/** Clients at work, the one that asks included. */
async function sessions(url: string): Promise<number> {
  const rows = await query(url, "select pid from pg_stat_activity where state = 'active'");
  return rows.length;
}
