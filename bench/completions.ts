/** Follows the log from outside, and when each execution is first seen to be completed. */
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { StreamName } from '../contracts/streams.js';

export interface Completions {
  /** Starts behind the present end of the log. */
  mark(): Promise<void>;
  /** Resolves when so many were seen: when, as performance.now() has it, by stream. */
  seen(executions: number): Promise<ReadonlyMap<StreamName, number>>;
  close(): Promise<void>;
}

const POLL_MS = 3;
const STALL_MS = 60_000;

const nextSql = {
  name: 'completions',
  text: `SELECT stream, position FROM eventstore.events
    WHERE position > $1 AND type = 'ExecutionCompleted' ORDER BY position`,
};

export async function followCompletions(url: string): Promise<Completions> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  let position = '-1';
  return {
    async mark() {
      const { rows } = await client.query<{ end: string }>(
        'SELECT coalesce(max(position), -1) AS end FROM eventstore.events',
      );
      position = rows[0]?.end ?? '-1';
    },
    async seen(executions) {
      const seen = new Map<StreamName, number>();
      for (let movedMs = performance.now(); seen.size < executions;) {
        const { rows } = await client.query<{ stream: StreamName; position: string }>({
          ...nextSql,
          values: [position],
        });
        const now = performance.now();
        for (const row of rows) seen.set(row.stream, now);
        const last = rows.at(-1);
        if (last) [position, movedMs] = [last.position, now];
        if (now - movedMs > STALL_MS) throw new Error(`${seen.size} of ${executions} completed`);
        await pause(POLL_MS);
      }
      return seen;
    },
    close: () => client.end(),
  };
}
