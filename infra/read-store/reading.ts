/** Queries of the read models for answers to callers: an outage is a 503, not a defect. */
import type { Pool } from 'pg';
import { failureOf } from '../event-store/postgres/failures.js';
import { StoreUnavailable } from '../event-store/port.js';
import type { Row } from './table.js';

export interface Question {
  /** Prepared under this name; one text per name. */
  readonly name?: string;
  readonly text: string;
  readonly values?: readonly unknown[];
}

/** Throws `StoreUnavailable` when the database is away, busy or did not answer in time. */
export async function rowsOf(
  pool: Pick<Pool, 'query'>,
  { name, text, values = [] }: Question,
): Promise<readonly Row[]> {
  try {
    const query = { ...(name !== undefined && { name }), text, values: [...values] };
    return (await pool.query<Row>(query)).rows;
  } catch (error) {
    if (failureOf(error) !== 'outage') throw error;
    throw new StoreUnavailable('the read models cannot be reached', error);
  }
}
