import type pg from 'pg';
import { StartError } from '../start-error.js';
import { withTransaction } from './pool.js';

/**
 * A step of the schema: plain SQL, any number of statements. What a released one does is never
 * changed; databases remember its id and name.
 */
export interface Migration {
  readonly id: number;
  readonly name: string;
  readonly sql: string;
}

/**
 * Brings the database to the last of `migrations` (ascending ids) and answers with the names of
 * those it had to run. All of them commit together or not at all; processes that start at the same
 * time wait for one another. A database that knows a later migration than the code, or another one
 * under the same id, is refused with a StartError before anything changes, and so is a server that
 * is older than what is supported.
 */
export async function migrate(
  pool: pg.Pool,
  migrations: readonly Migration[],
): Promise<readonly string[]> {
  requireAscending(migrations);
  return withTransaction(pool, async (tx) => {
    const { rows: servers } = await tx.query<Server>(serverVersion);
    for (const { number, version } of servers) refuseOlder(number, version);
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

/** Those that the database has not taken; a later one than ours, or another, is a StartError. */
export async function unknownSteps(
  pool: pg.Pool,
  migrations: readonly Migration[],
): Promise<readonly Migration[]> {
  const { rows } = await pool.query<Recorded>('select id, name from public.schema_migrations');
  refuseForeign(rows, migrations);
  const done = new Set(rows.map(({ id }) => id));
  return migrations.filter(({ id }) => !done.has(id));
}

/** Throws a StartError for a server that lacks what our statements use; `number` as in 140023. */
export function refuseOlder(number: number, version: string): void {
  if (number >= OLDEST_MAJOR * 10_000) return;
  throw new StartError(
    `The database server is PostgreSQL ${version}, and ModelRoute needs ${OLDEST_MAJOR} or ` +
      'newer: upgrade it, or leave DATABASE_URL out to use the one that ModelRoute brings.',
  );
}

/** The oldest that the PostgreSQL project maintains, and that the suites of the stores pass on. */
const OLDEST_MAJOR = 14;

interface Server {
  readonly number: number;
  readonly version: string;
}

const serverVersion = `
  select current_setting('server_version_num')::integer as number,
    split_part(current_setting('server_version'), ' ', 1) as version`;

interface Recorded {
  readonly id: number;
  readonly name: string;
}

/** Any number will do as long as every version of ModelRoute uses this one: "model" in ASCII. */
export const migrationLock = 0x6d6f64656c;

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
