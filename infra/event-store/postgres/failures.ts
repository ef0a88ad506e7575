/** What an error of PostgreSQL or of the way to it means for the one who asked. */
import pg from 'pg';

type Failure =
  /** The statement itself cannot be carried out; another statement could. */
  | 'refused'
  /** The server is away, busy or full; the outcome may be unknown. The same again may succeed. */
  | 'outage'
  /** The schema is not ours or not up to date, or we may not use it: repeating does not help. */
  | 'misfit';

export function failureOf(error: unknown): Failure {
  if (!(error instanceof pg.DatabaseError)) return 'outage';
  const code = error.code ?? '';
  if (OUTAGES.has(code) || OUTAGE_CLASSES.has(code.slice(0, 2))) return 'outage';
  if (MISFIT_CLASSES.has(code.slice(0, 2))) return 'misfit';
  return 'refused';
}

/** A stream goes on, or a position is taken, where something was to be inserted. */
export const isTaken = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && error.code === UNIQUE_VIOLATION;

const UNIQUE_VIOLATION = '23505';

/**
 * 08 connection, 28 authorization and 3D no such database (both come and go with restarts and
 * restores), 40 rolled back, 53 out of disk, memory or connections, 55 locked, 57 operator
 * intervention with time-outs, 58 system error.
 */
const OUTAGE_CLASSES = new Set(['08', '28', '3D', '40', '53', '55', '57', '58']);

/**
 * 25P03, 25P04: a time-out ended the transaction. 25006: the server is a standby for now. A unique
 * violation under the append lock: somebody wrote past it, and the next try sees what was written.
 */
const OUTAGES = new Set(['25P03', '25P04', '25006', UNIQUE_VIOLATION]);

/** 26: no such prepared statement; 3F: no such schema; 42: no such thing, or no right to it. */
const MISFIT_CLASSES = new Set(['26', '3F', '42']);
