import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import pg from 'pg';
import pino from 'pino';
import { startEmbeddedPostgres } from '../embedded/embedded.js';
import { atEnd } from '../../../testing/at-end.js';
import { removeWhenOver } from './remove-when-over.js';

/** A database of its own for one spec, on a real server. */
export interface FreshDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/**
 * Creates an empty database on the server that TEST_DATABASE_URL names (its user must be allowed
 * to), otherwise on an embedded one that this test process starts once and ends with itself.
 */
export async function freshDatabase(): Promise<FreshDatabase> {
  const server = process.env['TEST_DATABASE_URL'] ?? (await (shared ??= startServer())).url;
  const name = `test_${randomBytes(6).toString('hex')}`;
  await administer(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    drop: () => administer(server, `drop database if exists ${name} with (force)`),
  };
}

interface SharedServer {
  readonly url: string;
}

let shared: Promise<SharedServer> | undefined;

async function startServer(): Promise<SharedServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'modelroute-test-'));
  const server = await startEmbeddedPostgres({ dataDir, log: pino({ level: 'silent' }) });
  const text = await readFile(join(dataDir, 'postgres.json'), 'utf8');
  const cluster = resolve(dataDir, (JSON.parse(text) as { cluster: string }).cluster);
  // As root the cluster lies outside the data folder.
  const folders = [...new Set([dataDir, dirname(cluster)])];
  const deadMan = removeWhenOver(cluster, folders);
  atEnd(async () => {
    await server.stop();
    deadMan.kill('SIGKILL');
    for (const folder of folders) await rm(folder, { recursive: true, force: true });
  });
  // What is killed here is a process, never the machine: its writes need not reach the disk.
  for (const name of ['fsync', 'full_page_writes'])
    await administer(server.url, `alter system set ${name} = off`);
  await administer(server.url, 'select pg_reload_conf()');
  return server;
}

async function administer(server: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: server, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
