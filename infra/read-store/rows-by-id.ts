/**
 * Rows by primary key, many callers in one statement: the busier the server, the more look-ups one
 * statement carries.
 */
import { createBatchLoader } from '../concurrency/batch-loader.js';
import { isOutage } from '../event-store/outage.js';
import type { Question } from './reading.js';
import {
  columnsOf,
  qualified,
  selectList,
  type Column,
  type Row,
  type TableShape,
} from './table.js';

/** Undefined when there is no such row. Throws `StoreUnavailable`. */
type RowById<V> = (id: string) => Promise<V | undefined>;

const IDS_MAX = 256;
const IN_FLIGHT_MAX = 2;

interface Reading<V> {
  readonly read: (row: Row) => V;
  /** The key and what `read` looks at; all columns unless given. */
  readonly columns?: readonly Column<never>[];
}

/** For a table whose key is one text column. */
export function openRowsById<V>(
  ask: (question: Question) => Promise<readonly Row[]>,
  table: TableShape,
  { read, columns = columnsOf(table) }: Reading<V>,
): RowById<V> {
  const key = table.key[0]?.name ?? '';
  const text = `SELECT ${selectList(columns)} FROM ${qualified(table)} WHERE ${key} = ANY ($1)`;
  const name = `${table.name} by id`;
  return createBatchLoader<string, V | undefined>({
    nameOf: (id) => id,
    load: async (ids) => {
      const rows = await ask({ name, text, values: [ids] });
      const found = new Map(rows.map((row) => [row[key] as string, read(row)]));
      return ids.map((id) => found.get(id));
    },
    keysMax: IDS_MAX,
    inFlightMax: IN_FLIGHT_MAX,
    isOutage,
  });
}
