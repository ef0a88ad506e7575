/**
 * Queries whose shape depends on the request. knex writes their SQL and has no connection of its
 * own; fixed statements are written by hand.
 */
import knexPackage, { type Knex } from 'knex';
import type { Question } from './reading.js';

/** `sql('readmodel.holds')` begins a query, `sql.raw('count(*)')` is a piece of SQL. */
export const sql = knexPackage.knex({ client: 'pg' });

/** As the pool of the read models runs it. */
export function questionOf(query: Knex.QueryBuilder): Question {
  const { sql: text, bindings } = query.toSQL().toNative();
  return { text, values: bindings };
}
