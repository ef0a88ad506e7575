/** Follows the log and the read models from outside until so many executions are over and done. */
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';

export interface LogProgress {
  /** Starts counting behind the present end of the log, or at its start. */
  mark(from?: 'start'): Promise<void>;
  /**
   * Resolves when so many executions are completed, their holds settled, and all of it is in the
   * read models.
   */
  done(executions: number): Promise<Done>;
  close(): Promise<void>;
}

interface Done {
  /** Of the first look that found a completed one, and how many it found. */
  readonly firstMs: number;
  readonly firstCount: number;
  /** When all were completed, all were settled too, and all of it could be read. */
  readonly completedMs: number;
  readonly settledMs: number;
  readonly readableMs: number;
}

const POLL_MS = 20;
const STALL_MS = 60_000;

const nextSql = {
  name: 'next',
  text: `SELECT (count(*) FILTER (WHERE type = 'ExecutionCompleted'))::int AS completed,
      (count(*) FILTER (WHERE type = 'HoldSettled'))::int AS settled, max(position) AS last
    FROM eventstore.events WHERE position > $1`,
};
const projectedSql = {
  name: 'projected',
  text: `SELECT min(position) AS position FROM readmodel.projections
    WHERE name IN ('executions', 'account_balances', 'ledger_entries', 'holds')`,
};

interface Next {
  readonly completed: number;
  readonly settled: number;
  readonly last: string | null;
}

export async function followLog(url: string): Promise<LogProgress> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  let position = '-1';

  async function readable(): Promise<void> {
    const deadline = performance.now() + STALL_MS;
    for (;;) {
      const { rows } = await client.query<{ position: string }>(projectedSql);
      if (BigInt(rows[0]?.position ?? -1) >= BigInt(position)) return;
      if (performance.now() > deadline) throw new Error('the read models do not catch up');
      await pause(POLL_MS);
    }
  }

  return {
    async mark(from) {
      position = '-1';
      if (from) return;
      const { rows } = await client.query<{ end: string }>(
        'SELECT coalesce(max(position), -1) AS end FROM eventstore.events',
      );
      position = rows[0]?.end ?? '-1';
    },
    async done(executions) {
      let [completed, settled] = [0, 0];
      let [firstMs, firstCount, completedMs] = [0, 0, 0];
      for (let movedMs = performance.now(); settled < executions;) {
        const { rows } = await client.query<Next>({ ...nextSql, values: [position] });
        const next = rows[0];
        const now = performance.now();
        if (next?.last) [position, movedMs] = [next.last, now];
        completed += next?.completed ?? 0;
        settled += next?.settled ?? 0;
        if (completed > 0 && firstMs === 0) [firstMs, firstCount] = [now, completed];
        if (completed >= executions && completedMs === 0) completedMs = now;
        if (now - movedMs > STALL_MS)
          throw new Error(`of ${executions}, ${completed} completed and ${settled} settled`);
        await pause(POLL_MS);
      }
      const settledMs = performance.now();
      await readable();
      return { firstMs, firstCount, completedMs, settledMs, readableMs: performance.now() };
    },
    close: () => client.end(),
  };
}
