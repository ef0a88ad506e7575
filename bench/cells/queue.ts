/** The job queue of R4 as its cells drive it. */
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { GraphileAsk, GraphileConfig } from '../baselines/graphile.js';
import { startPart, type Part } from '../children.js';
import { query } from '../database.js';
import { CLIENTS } from '../settings.js';
import { submissionsOf } from '../submissions.js';

type Queue = Part<string, GraphileAsk, null>;

export function startQueue(
  config: Pick<GraphileConfig, 'url' | 'sandboxUrl' | 'batching'>,
): Promise<Queue> {
  const full: GraphileConfig = {
    ...config,
    concurrency: CLIENTS,
    providerModel: 'aurora-text-1',
  };
  return startPart('baselines/graphile.js', full);
}

/** The bodies that the system is given; the queue asks for no key. */
export const queued = submissionsOf([{ organizationId: '', apiKey: 'none' }], 'queue').again;

interface ResultsDone {
  /** Of the first look that found a row, and how many it found. */
  readonly firstMs: number;
  readonly firstCount: number;
  readonly endMs: number;
}

const POLL_MS = 20;
const STALL_MS = 60_000;

export async function resultsDone(url: string, count: number): Promise<ResultsDone> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let [firstMs, firstCount] = [0, 0];
    const deadline = performance.now() + STALL_MS;
    for (;;) {
      const { rows } = await client.query<{ n: number }>('SELECT count(*)::int AS n FROM results');
      const n = rows[0]?.n ?? 0;
      const now = performance.now();
      if (n > 0 && firstMs === 0) [firstMs, firstCount] = [now, n];
      if (n >= count) return { firstMs, firstCount, endMs: now };
      if (now > deadline) throw new Error(`of ${count} jobs, ${n} were done`);
      await pause(POLL_MS);
    }
  } finally {
    await client.end();
  }
}

/** When the row of each job was inserted, as Date.now() has it, by the key of its request. */
export async function resultTimes(url: string): Promise<ReadonlyMap<string, number>> {
  const rows = await query<{ key: string; ms: number }>(
    url,
    `SELECT split_part(id, '~', 1) AS key, (extract(epoch FROM at) * 1000)::float8 AS ms
    FROM results`,
  );
  return new Map(rows.map(({ key, ms }) => [key, ms]));
}
