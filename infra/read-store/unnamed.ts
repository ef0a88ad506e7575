/** Which names of stored things no event named, as far as the projections are. */
import type { Pool } from 'pg';
import { rowsOf } from './reading.js';
import { text } from './table.js';

/** A read model whose rows are the names that events gave. */
export interface NamedIn {
  readonly projection: string;
  readonly table: string;
  readonly column: string;
}

export const largePayloadsNamed: NamedIn = {
  projection: 'storage',
  table: 'readmodel.large_payloads',
  column: 'name',
};

export const filesNamed: NamedIn = {
  projection: 'files',
  table: 'readmodel.files',
  column: 'id',
};

/** Those of the names that have no row. Throws `StoreUnavailable`. */
export async function unnamedOf<N extends string>(
  pool: Pick<Pool, 'query'>,
  { table, column }: NamedIn,
  names: readonly N[],
): Promise<readonly N[]> {
  const rows = await rowsOf(pool, {
    text: `
      SELECT given.name
      FROM unnest($1::text[]) AS given (name)
      WHERE NOT EXISTS (SELECT FROM ${table} AS t WHERE t.${column} = given.name COLLATE "C")`,
    values: [names],
  });
  return rows.map((row) => text<N>(row, 'name'));
}
