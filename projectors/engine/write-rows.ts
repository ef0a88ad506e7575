/** Changes of a batch as statements: at most one per table and kind of change. */
import {
  columnsOf,
  qualified,
  type Column,
  type TableShape,
} from '../../infra/read-store/table.js';
import { binaryArray } from './binary-array.js';
import type { Changes } from './row-set.js';

export interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly Buffer[];
}

export function statementsFor(
  { table, inserts, upserts, deletes, additions }: Changes,
  suffix: string,
): readonly Statement[] {
  const columns = columnsOf(table);
  const statements: Statement[] = [];
  const add = (
    verb: string,
    sqlOf: (table: TableShape, suffix: string) => string,
    written: readonly Column<never>[],
    values: readonly unknown[],
  ) => {
    if (values.length === 0) return;
    const name = `project: ${verb} ${table.name}${suffix}`;
    statements.push({ name, text: sqlOf(table, suffix), values: arraysOf(written, values) });
  };
  add('delete', deleteSql, table.key, deletes);
  add('insert', insertSql, columns, inserts);
  add('upsert', upsertSql, columns, upserts);
  add('add', addSql, columns, additions);
  return statements;
}

const arraysOf = (columns: readonly Column<never>[], values: readonly unknown[]): Buffer[] =>
  (columns as readonly Column<unknown>[]).map((column) => binaryArray(column, values));

function insertSql(table: TableShape, suffix: string): string {
  const columns = columnsOf(table);
  return `
    INSERT INTO ${qualified(table, suffix)} (${namesOf(columns)})
    SELECT * FROM ${unnest(columns)}`;
}

function upsertSql(table: TableShape, suffix: string): string {
  const sets = table.rest.map(({ name }) => `${name} = excluded.${name}`);
  const change = sets.length > 0 ? `UPDATE SET ${sets.join(', ')}` : 'NOTHING';
  return `${insertSql(table, suffix)} ON CONFLICT (${namesOf(table.key)}) DO ${change}`;
}

function addSql(table: TableShape, suffix: string): string {
  const columns = columnsOf(table);
  const sums = (table.sums ?? []).map((name) => `${name} = t.${name} + excluded.${name}`);
  return `
    INSERT INTO ${qualified(table, suffix)} AS t (${namesOf(columns)})
    SELECT * FROM ${unnest(columns)}
    ON CONFLICT (${namesOf(table.key)}) DO UPDATE SET ${sums.join(', ')}`;
}

function deleteSql(table: TableShape, suffix: string): string {
  const same = table.key.map(({ name }) => `t.${name} = k.${name}`);
  return `
    DELETE FROM ${qualified(table, suffix)} t
    USING ${unnest(table.key)} AS k (${namesOf(table.key)})
    WHERE ${same.join(' AND ')}`;
}

const namesOf = (columns: readonly Column<never>[]): string =>
  columns.map(({ name }) => name).join(', ');

const unnest = (columns: readonly Column<never>[]): string =>
  `unnest(${columns.map(({ type }, index) => `$${index + 1}::${type}[]`).join(', ')})`;
