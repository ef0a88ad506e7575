/**
 * R6's process: makes all read models of a log, as the projectors do when they catch up, as a
 * rebuild does, or as the server does that copies the finished rows. It is a new one each time, so
 * that its peak of resident memory is that of one.
 */
import pg from 'pg';
import pino from 'pino';
import { openPostgresEventStore } from '../../infra/event-store/postgres/postgres.js';
import { openMetrics } from '../../infra/metrics.js';
import { openPool } from '../../infra/postgres/pool.js';
import { openProgress } from '../../infra/read-store/progress.js';
import { rebuildProjections } from '../../projectors/app.js';
import { runProjections } from '../../projectors/engine/run-projections.js';
import { projections } from '../../projectors/projections.js';
import { servePart } from './part.js';

export interface ReadModelWorkConfig {
  readonly url: string;
}

export interface ReadModelWorkAsk {
  readonly do: 'catch-up' | 'rebuild' | 'copy';
}

export interface ReadModelWorkAnswer {
  /** Of the log. */
  readonly events: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMib: number;
}

const log = pino({ level: 'silent' });
const CAUGHT_UP_MS_MAX = 3_600_000;
const names = projections.map(({ name }) => name);
const tables = projections.flatMap((projection) => projection.tables.map(({ name }) => name));

servePart<ReadModelWorkConfig, null, ReadModelWorkAsk, ReadModelWorkAnswer>(async ({ url }) => {
  const pool = openPool(url, { max: 8, applicationName: 'modelroute bench', log, timeoutMs: 0 });
  const store = openPostgresEventStore({ url, log });
  const progress = openProgress(pool);

  async function caughtUp(): Promise<number> {
    for (const table of tables) await pool.query(`TRUNCATE readmodel.${table}`);
    await pool.query('UPDATE readmodel.projections SET position = -1');
    const head = await store.head();
    const [began, ended] = [performance.now(), new AbortController()];
    const running = { pool, progress, store, log, metrics: openMetrics(), projections };
    const worked = runProjections(running, ended.signal);
    for (const name of names)
      if (!(await progress.passed(name, head, CAUGHT_UP_MS_MAX)))
        throw new Error(`${name} did not come to the head`);
    const seconds = (performance.now() - began) / 1_000;
    ended.abort();
    await worked;
    return seconds;
  }

  async function rebuilt(): Promise<number> {
    const rebuilding = { readStore: pool, progress, store, log };
    const began = performance.now();
    for await (const outcome of rebuildProjections(rebuilding, names, { swap: true }))
      if ('error' in outcome || !outcome.rebuilt.comparison?.equal)
        throw new Error(`${outcome.name} was not what it had been`);
    return (performance.now() - began) / 1_000;
  }

  const work = (ask: ReadModelWorkAsk): Promise<number> => {
    if (ask.do === 'catch-up') return caughtUp();
    return ask.do === 'rebuild' ? rebuilt() : copied(url);
  };

  return {
    ready: null,
    async answer(ask) {
      const cpu = process.cpuUsage();
      const seconds = await work(ask);
      const events = Number(await store.head()) + 1;
      const { user, system } = process.cpuUsage(cpu);
      const peakMib = process.resourceUsage().maxRSS / 1_024;
      return { events, seconds, cpuSeconds: (user + system) / 1e6, peakMib };
    },
    async close() {
      await store.close();
      await pool.end();
    },
  };
});

/** By the server alone, from its files into new tables with the same indexes. */
async function copied(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ data_directory: string }>('SHOW data_directory');
  const fileOf = (table: string) => `${rows[0]?.data_directory}/bench-${table}`;
  for (const table of tables) await client.query(`COPY readmodel.${table} TO '${fileOf(table)}'`);
  await client.query('CHECKPOINT');
  const began = performance.now();
  for (const table of tables) {
    const copy = `readmodel.bench_${table}`;
    await client.query(`CREATE TABLE ${copy} (LIKE readmodel.${table} INCLUDING ALL)`);
    await client.query(`COPY ${copy} FROM '${fileOf(table)}'`);
  }
  const seconds = (performance.now() - began) / 1_000;
  for (const table of tables) await client.query(`DROP TABLE readmodel.bench_${table}`);
  await client.end();
  return seconds;
}
