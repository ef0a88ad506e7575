/** Follows the read models from outside, for logs that no SQL reads (see log-progress.ts). */
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { LogProgress } from './log-progress.js';

const POLL_MS = 20;
const STALL_MS = 60_000;

const SQL = `SELECT
    (SELECT count(*) FROM readmodel.executions WHERE status = 'COMPLETED')::int AS completed,
    (SELECT count(*) FROM readmodel.holds)::int AS held`;

interface Counts {
  readonly completed: number;
  readonly held: number;
}

/** What is completed in a read model can be read, and its hold is settled once none is open. */
export async function followReadModels(url: string): Promise<LogProgress> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  let before = 0;

  async function look(): Promise<Counts> {
    const { rows } = await client.query<Counts>({ name: 'progress', text: SQL });
    return rows[0] ?? { completed: 0, held: 0 };
  }

  return {
    async mark(from) {
      before = from ? 0 : (await look()).completed;
    },
    async done(executions) {
      let [firstMs, firstCount, completedMs, seen] = [0, 0, 0, 0];
      for (let movedMs = performance.now(); ;) {
        const { completed: all, held } = await look();
        const completed = all - before;
        const now = performance.now();
        if (completed > seen) [seen, movedMs] = [completed, now];
        if (completed > 0 && firstMs === 0) [firstMs, firstCount] = [now, completed];
        if (completed >= executions && completedMs === 0) completedMs = now;
        if (completed >= executions && held === 0)
          return { firstMs, firstCount, completedMs, settledMs: now, readableMs: now };
        if (now - movedMs > STALL_MS)
          throw new Error(`of ${executions}, ${completed} completed and ${held} are held`);
        await pause(POLL_MS);
      }
    },
    close: () => client.end(),
  };
}

/** One sentence for each count of the read models that differs from what was accepted. */
export async function miscountedReadModels(url: string, accepted: number): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<Counts>(SQL);
  await client.end();
  const { completed = 0, held = 0 } = rows[0] ?? {};
  const differing: string[] = [];
  if (completed !== accepted)
    differing.push(`${accepted} were answered 202, but ${completed} completed`);
  if (held !== 0) differing.push(`${held} holds are open`);
  return differing;
}
