/**
 * Two roles of the database: one migrates, grants, imports and erases, and owns the log; the other
 * runs. The one that runs can read the log and add to it, and owns the read models, which are
 * rebuilt beside themselves. With one role for both, the log has only its trigger to protect it.
 */
import { readFileSync } from 'node:fs';
import type pg from 'pg';
import { StartError } from '../start-error.js';
import { migrate, migrationLock, unknownSteps, type Migration } from './migrate.js';
import { withTransaction } from './pool.js';

const grants = readFileSync(new URL('./running-role.sql', import.meta.url), 'utf8');

export interface Migrated {
  readonly ran: readonly string[];
  /** The role that runs cannot change the log. */
  readonly isProtected: boolean;
}

/** Migrates as the role of `pool`; `running` is the one that runs, undefined where it is that. */
export async function migrateFor(
  pool: pg.Pool,
  running: string | undefined,
  migrations: readonly Migration[],
): Promise<Migrated> {
  const { rows } = await pool.query<Standing>(STANDING);
  const standing = rows[0];
  if (standing?.isLocked) return { ran: await expectMigrated(pool, migrations), isProtected: true };
  const ran = await migrate(pool, migrations);
  if (running === undefined || running === standing?.role) return { ran, isProtected: false };
  await grantTo(pool, running);
  return { ran, isProtected: true };
}

interface Standing {
  readonly role: string;
  /** Another role owns the log, and this one may not act for it. */
  readonly isLocked: boolean;
}

const STANDING = `
  SELECT current_user AS role, EXISTS (
    SELECT FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'eventstore' AND c.relname = 'events'
      AND NOT pg_has_role(current_user, c.relowner, 'USAGE')
  ) AS "isLocked"`;

async function grantTo(pool: pg.Pool, running: string): Promise<void> {
  await withTransaction(pool, async (tx) => {
    await tx.query(`select pg_advisory_xact_lock(${migrationLock})`);
    await tx.query(`select set_config('modelroute.running_role', $1, true)`, [running]);
    await tx.query(grants);
  });
}

/** The role that runs cannot migrate; it may start where that was done. */
async function expectMigrated(
  pool: pg.Pool,
  migrations: readonly Migration[],
): Promise<readonly string[]> {
  const missing = await unknownSteps(pool, migrations);
  if (missing.length === 0) return [];
  throw new StartError(
    `The database lacks ${missing.length} schema steps, and the role of DATABASE_URL may not ` +
      'make them: start one process with MODELROUTE_MIGRATIONS_DATABASE_URL first.',
  );
}

/** The role that a connection to the address has; throws a `StartError` where it names none. */
export function roleOf(url: string): string {
  const { username } = new URL(url);
  if (username !== '') return decodeURIComponent(username);
  throw new StartError(
    'DATABASE_URL names no role, so nothing can be granted to it: write postgres://role@host/name.',
  );
}
