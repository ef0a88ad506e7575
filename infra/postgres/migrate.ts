import type pg from 'pg';
import { StartError } from '../start-error.js';
import { withTransaction } from './pool.js';

/** A step of the schema: plain SQL, any number of statements, never edited once released. */
export interface Migration {
  readonly id: number;
  readonly name: string;
  readonly sql: string;
}

/**
 * Brings the database to the last of `migrations` (ascending ids) and answers with the names of
 * those it had to run. All of them commit together or not at all; processes that start at the same
 * time wait for one another. A database that knows a later migration than the code, or another one
 * under the same id, is refused with a StartError before anything changes.
 */
export async function migrate(
  pool: pg.Pool,
  migrations: readonly Migration[],
): Promise<readonly string[]> {
  requireAscending(migrations);
  return withTransaction(pool, async (tx) => {
    await tx.query('set local statement_timeout = 0');
    await patiently(tx, `select pg_advisory_xact_lock(${migrationLock})`);
    await tx.query(bookkeeping);
    const { rows } = await tx.query<Recorded>('select id, name from public.schema_migrations');
    refuseForeign(rows, migrations);
    const done = new Set(rows.map(({ id }) => id));
    const pending = migrations.filter(({ id }) => !done.has(id));
    for (const { id, name, sql } of pending) {
      await patiently(tx, sql);
      await tx.query('insert into public.schema_migrations (id, name) values ($1, $2)', [id, name]);
    }
    return pending.map(({ name }) => name);
  });
}

interface Recorded {
  readonly id: number;
  readonly name: string;
}

/** Any number will do as long as every version of ModelRoute uses this one: "model" in ASCII. */
const migrationLock = 0x6d6f64656c;

const bookkeeping = `
  create table if not exists public.schema_migrations (
    id         integer     primary key,
    name       text        not null,
    applied_at timestamptz not null default now()
  );
  comment on table public.schema_migrations is
    'The steps of the schema that this database has taken.';`;

/** Building an index over a big log outlasts the pool's own bound on a query. */
async function patiently(tx: pg.PoolClient, text: string): Promise<void> {
  const query: pg.QueryConfig & { query_timeout: number } = { text, query_timeout: 2 ** 31 - 1 };
  await tx.query(query);
}

function requireAscending(migrations: readonly Migration[]): void {
  for (const [index, { id, name }] of migrations.entries()) {
    const before = migrations[index - 1];
    if (before && before.id >= id) throw new Error(`Migration ${id} ${name} is out of order.`);
  }
}

function refuseForeign(recorded: readonly Recorded[], migrations: readonly Migration[]): void {
  const known = new Map(migrations.map(({ id, name }) => [id, name]));
  for (const { id, name } of recorded) {
    if (known.get(id) === name) continue;
    throw new StartError(
      `The database has taken schema step ${id} "${name}", which this version of ModelRoute does ` +
        'not know: start the newer version that made it, or use another data folder.',
    );
  }
}
