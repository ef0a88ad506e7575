/** How values become rows of the read models, said once per table for writers and readers. */
import type { Timestamp } from '../../contracts/events/envelope.js';

export type SqlType = 'text' | 'integer' | 'bigint' | 'boolean' | 'timestamptz' | 'json' | 'uuid';

/** A timestamp is given as its ISO text, JSON as its text, a UUID as its hex. */
export type Cell = string | number | bigint | boolean | undefined;

export interface Column<V> {
  readonly name: string;
  readonly type: SqlType;
  readonly of: (value: V) => Cell;
}

/** What node-pg makes of a selected row: int8 as bigint, timestamptz as Date, json as its text. */
export type Row = Readonly<Record<string, unknown>>;

/** A table without the types of its values: enough for a writer of rows. */
export interface TableShape {
  readonly name: string;
  /** The primary key. */
  readonly key: readonly Column<never>[];
  readonly rest: readonly Column<never>[];
  /** Of a key, one text. Absent where rows are only ever inserted, and never read by handlers. */
  readonly idOf?: (key: never) => string;
  readonly read?: (row: Row) => unknown;
  readonly isFinal?: (value: never) => boolean;
  readonly sums?: readonly string[];
  readonly merge?: (a: never, b: never) => unknown;
}

export interface Table<K, V extends K> extends TableShape {
  readonly key: readonly Column<K>[];
  readonly rest: readonly Column<V>[];
  readonly idOf?: (key: K) => string;
  /** Absent where rows are only ever inserted or replaced. Needs a key of one text column. */
  readonly read?: (row: Row) => V;
  /** Whether no later event reads the row. */
  readonly isFinal?: (value: V) => boolean;
  /** The columns that grow by what is added; of a table whose rows are added to and never read. */
  readonly sums?: readonly string[];
  /** Of two additions to one row, their sum. */
  readonly merge?: (a: V, b: V) => V;
}

export const column = <V>(name: string, type: SqlType, of: (value: V) => Cell): Column<V> => ({
  name,
  type,
  of,
});

export const columnsOf = ({ key, rest }: TableShape): readonly Column<never>[] => [...key, ...rest];

export const qualified = ({ name }: { readonly name: string }, suffix = ''): string =>
  `readmodel.${name}${suffix}`;

/** A select list. JSON is selected as its text, which is served as it is. */
export const selectList = (columns: readonly Column<never>[]): string =>
  columns.map(({ name, type }) => (type === 'json' ? `${name}::text AS ${name}` : name)).join(', ');

/** A column as text of JSON. */
export const jsonOf = (value: object | undefined): Cell => value && JSON.stringify(value);

/** Readers of a row whose columns are known to exist and to have that type. */
export const text = <T extends string = string>(row: Row, name: string): T => row[name] as T;
export const amount = (row: Row, name: string): bigint => row[name] as bigint;
export const count = (row: Row, name: string): number => Number(row[name]);
export const time = (row: Row, name: string): Timestamp => (row[name] as Date).toISOString();

/** `{ [field]: of(row, name) }`, or nothing where the column is null. */
export function maybe<F extends string, T>(
  row: Row,
  name: string,
  field: F,
  of: (row: Row, name: string) => T,
): { readonly [P in F]?: T } {
  if (row[name] === null) return {};
  return { [field]: of(row, name) } as { readonly [P in F]?: T };
}

/** Of a column that was selected as the text of JSON. */
export const parsed = <T>(row: Row, name: string): T => JSON.parse(text(row, name)) as T;
