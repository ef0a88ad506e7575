/** The rows of one table during one batch: as they were read, and as the handlers left them. */
import type { TableShape } from '../../infra/read-store/table.js';
import type { Rows } from './projection.js';

/** The changes that bring a table to the state in which the batch left its rows. */
export interface Changes {
  readonly table: TableShape;
  /** Rows that are not there yet. */
  readonly inserts: readonly unknown[];
  /** Rows that may be there. */
  readonly upserts: readonly unknown[];
  /** Keys of rows that may be there. */
  readonly deletes: readonly unknown[];
  /** To be added to rows that may be there. */
  readonly additions: readonly unknown[];
}

export interface RowSet extends Rows<unknown, unknown> {
  /** The row as it is in the table; undefined when it is not there. */
  know(id: string, value: unknown): void;
  isKnown(id: string): boolean;
  changes(): Changes;
  /** Every row that was read or changed, as the batch left it. */
  settled(): Iterable<readonly [id: string, value: unknown]>;
}

interface Entry {
  key: unknown;
  /** Undefined: the row is not there. */
  value: unknown;
  /** Whether the row is in the table; undefined until it was looked up. */
  before: boolean | undefined;
  changed: boolean;
  released?: true;
}

/** For handlers that know the table's types; here its values are only carried. */
export const openRowSet = (table: TableShape): RowSet =>
  table.idOf ? openRows(table, table.idOf as (key: unknown) => string) : openInserts(table);

function openRows(table: TableShape, idOf: (key: unknown) => string): RowSet {
  const entries = new Map<string, Entry>();
  const additions = new Map<string, unknown>();
  const merge = table.merge as ((a: unknown, b: unknown) => unknown) | undefined;

  function become(key: unknown, value: unknown, before: boolean | undefined): void {
    const id = idOf(key);
    const entry = entries.get(id);
    if (entry) {
      entry.key = key;
      entry.value = value;
      entry.changed = true;
    } else entries.set(id, { key, value, before, changed: true });
  }

  return {
    know: (id, value) =>
      void entries.set(id, { key: value, value, before: value !== undefined, changed: false }),
    isKnown: (id) => entries.has(id),
    get(key) {
      const entry = entries.get(idOf(key));
      if (!entry) throw new Error(`a row of ${table.name} is read that nobody asked for`);
      return entry.value;
    },
    create: (value) => become(value, value, false),
    put: (value) => become(value, value, undefined),
    remove: (key) => become(key, undefined, undefined),
    add(value) {
      if (!merge) throw new Error(`nothing can be added to rows of ${table.name}`);
      const id = idOf(value);
      additions.set(id, additions.has(id) ? merge(additions.get(id), value) : value);
    },
    release(key) {
      const entry = entries.get(idOf(key));
      if (entry) entry.released = true;
    },
    changes: () => ({ ...changesOf(table, entries.values()), additions: [...additions.values()] }),
    *settled() {
      for (const [id, { value, released }] of entries) yield [id, released ? undefined : value];
    },
  };
}

/** Rows that nothing finds again. */
function openInserts(table: TableShape): RowSet {
  const inserts: unknown[] = [];
  const refuse = (): never => {
    throw new Error(`rows of ${table.name} are only ever inserted`);
  };
  return {
    create: (value) => void inserts.push(value),
    get: refuse,
    put: refuse,
    remove: refuse,
    add: refuse,
    release: refuse,
    know: refuse,
    isKnown: refuse,
    changes: () => ({ table, inserts, upserts: [], deletes: [], additions: [] }),
    settled: () => [],
  };
}

/** A row that came and went within the batch never touches the table. */
function changesOf(table: TableShape, entries: Iterable<Entry>): Omit<Changes, 'additions'> {
  const inserts: unknown[] = [];
  const upserts: unknown[] = [];
  const deletes: unknown[] = [];
  for (const { key, value, before, changed } of entries) {
    if (!changed) continue;
    if (value === undefined) {
      if (before !== false) deletes.push(key);
    } else if (before === false) inserts.push(value);
    else upserts.push(value);
  }
  return { table, inserts, upserts, deletes };
}
