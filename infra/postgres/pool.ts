import pg from 'pg';
import { openBoundedPool, type BoundedPoolOptions } from './bounded-pool.js';

export type PoolOptions = Omit<BoundedPoolOptions, 'timeoutMs' | 'settings' | 'types'> &
  Partial<Pick<BoundedPoolOptions, 'timeoutMs' | 'settings'>>;

/** Callers have their answer within two seconds, with what is done beside the question. */
const TIMEOUT_MS = 1_800;

/**
 * A pool of connections in which every int8 (and int8[]) arrives as a bigint: money, positions and
 * revisions are int8, and none of them may pass through a float. count(*) is int8 too. numeric
 * stays a decimal string, timestamptz a Date, json a parsed value.
 */
export const openPool = (url: string, options: PoolOptions): pg.Pool =>
  openBoundedPool(url, { timeoutMs: TIMEOUT_MS, ...options, types });

/**
 * Runs `work` in one transaction: committed when it returns, rolled back when it throws. A throw
 * from here may also come from a COMMIT whose answer was lost, so that what `work` did may be there
 * or not: callers repeat it under the same ids.
 */
export async function withTransaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken = true; // until proven usable, it is not handed to the next caller
  try {
    await client.query('begin');
    const result = await inTransaction(client, work);
    broken = false;
    return result;
  } catch (error) {
    broken = isReadTimeout(error) || isStandby(error) || !(await rolledBack(client));
    throw error;
  } finally {
    client.release(broken);
  }
}

async function inTransaction<T>(
  client: pg.PoolClient,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const result = await work(client);
  const { command } = await client.query('commit');
  // What the server answers when a statement failed and `work` went on regardless.
  if (command === 'ROLLBACK') throw new Error('The transaction was aborted by an earlier error.');
  return result;
}

/** The connection waits for an answer that may never come: a rollback would only wait behind it. */
function isReadTimeout(error: unknown): boolean {
  return error instanceof Error && error.message === 'Query read timeout';
}

/**
 * It was the primary, and is a standby since a failover: a new connection may find the primary,
 * where the name or a pooler leads to it by now.
 */
export const isStandby = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && error.code === '25006';

async function rolledBack(client: pg.PoolClient): Promise<boolean> {
  return client.query('rollback').then(
    () => true,
    () => false,
  );
}

const int8Oid = 20;
const int8ArrayOid = 1016;
const textArrayOid = 1009;

const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
    if (format !== 'binary' && oid === int8Oid) return BigInt;
    if (format !== 'binary' && oid === int8ArrayOid) return parseInt8Array;
    return pg.types.getTypeParser(oid, format ?? 'text') as unknown;
  }) as typeof pg.types.getTypeParser,
};

function parseInt8Array(text: string): (bigint | null)[] {
  return parseTextArray(text).map((element) => (element === null ? null : BigInt(element)));
}

const untypedParser = pg.types.getTypeParser as (oid: number, format: 'text') => unknown;
const parseTextArray = untypedParser(textArrayOid, 'text') as (text: string) => (string | null)[];
