/** The system's database seen from beside it, for what no page shows. */
import pg from 'pg';
import { runningPostgresUrl } from '../../infra/postgres/embedded/embedded.js';
import { eventually } from '../../testing/eventually.js';
import type { System } from '../../testing/system.js';

export interface ScheduledDelivery {
  readonly attempts: number;
  readonly nextAttemptAtMs: number;
}

/** Deliveries about an execution that are still owed. */
export async function scheduledDeliveries(
  system: System,
  executionId: string,
): Promise<readonly ScheduledDelivery[]> {
  const rows = await query<{ attempt: number; due_at: Date }>(
    system,
    `select attempt, due_at from readmodel.timers
      where execution_id = $1 and kind = 'attempt-webhook'`,
    [executionId],
  );
  return rows.map((row) => ({ attempts: row.attempt, nextAttemptAtMs: row.due_at.getTime() }));
}

/** Cuts every connection that the system has to its database, as soon as that can be asked. */
export const cutConnections = async (system: System): Promise<void> =>
  void (await eventually('the database takes the order', async () =>
    query(
      system,
      `select pg_terminate_backend(pid) from pg_stat_activity
        where backend_type = 'client backend' and pid <> pg_backend_pid()`,
    ).catch(() => undefined),
  ));

async function query<R extends pg.QueryResultRow>(
  { dataDir }: System,
  text: string,
  values: readonly unknown[] = [],
): Promise<R[]> {
  const connectionString = await runningPostgresUrl(dataDir);
  if (!connectionString) throw new Error(`no database serves ${dataDir}`);
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<R>(text, [...values])).rows;
  } finally {
    await client.end();
  }
}
