/** The one PostgreSQL of a run: both sides of every comparison use it, under the same settings. */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import pino from 'pino';
import { startEmbeddedPostgres } from '../infra/postgres/embedded/embedded.js';

export interface Databases {
  /** An empty database of its own; answers with its url. */
  fresh(name: string): Promise<string>;
  drop(url: string): Promise<void>;
  /** Writes out what is dirty, so that no side pays for what another left behind. */
  checkpoint(): Promise<void>;
  /** A folder for whoever needs one, gone with the databases. */
  folder(name: string): Promise<string>;
  /** Server version and the settings that decide about durability. */
  readonly described: string;
  close(): Promise<void>;
}

/** Beside bench/out/build: on the disk of the checkout, which unlike /tmp is never memory. */
const OUT = fileURLToPath(new URL('../../', import.meta.url));

export async function openDatabases(): Promise<Databases> {
  await mkdir(OUT, { recursive: true });
  const dataDir = await mkdtemp(join(OUT, 'data-'));
  const server = await startEmbeddedPostgres({ dataDir, log: pino({ level: 'silent' }) });
  const text = await readFile(join(dataDir, 'postgres.json'), 'utf8');
  const cluster = resolve(dataDir, (JSON.parse(text) as { cluster: string }).cluster);
  const administer = (sql: string) => query(server.url, sql);
  const described = await describeServer(server.url);
  return {
    described,
    async fresh(name) {
      await administer(`create database ${name}`);
      const url = new URL(server.url);
      url.pathname = `/${name}`;
      return url.href;
    },
    async drop(url) {
      await administer(`drop database if exists ${new URL(url).pathname.slice(1)} with (force)`);
    },
    async checkpoint() {
      await administer('checkpoint');
    },
    folder: (name) => mkdtemp(join(dataDir, `${name}-`)),
    async close() {
      await server.stop();
      // As root the cluster lies outside the data folder.
      for (const folder of new Set([dataDir, dirname(cluster)]))
        await rm(folder, { recursive: true, force: true });
    },
  };
}

/** One statement on a connection of its own. */
export async function query<Row extends pg.QueryResultRow>(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(text, [...values])).rows;
  } finally {
    await client.end();
  }
}

async function describeServer(url: string): Promise<string> {
  const names = [
    'server_version',
    'fsync',
    'synchronous_commit',
    'full_page_writes',
    'shared_buffers',
  ];
  const rows = await query<{ name: string; value: string }>(
    url,
    'select name, current_setting(name) as value from unnest($1::text[]) as name',
    [names],
  );
  return rows.map(({ name, value }) => `${name} ${value}`).join(', ');
}
