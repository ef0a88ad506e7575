/**
 * The rows that a projection changed lately and may soon read again. They are right for as long as
 * no other process writes the table; the cache is cleared as soon as one did.
 */
import type { TableShape } from '../../infra/read-store/table.js';

export interface RowCache {
  get(table: TableShape, id: string): unknown;
  /** An undefined value is a row that is gone. */
  put(table: TableShape, rows: Iterable<readonly [id: string, value: unknown]>): void;
  clear(): void;
}

/** Per table; the rows changed last stay. */
const ROWS_MAX = 20_000;

export function openRowCache(): RowCache {
  const tables = new Map<TableShape, Map<string, unknown>>();
  return {
    get: (table, id) => tables.get(table)?.get(id),
    put(table, rows) {
      if (!table.read) return;
      const cached = tables.get(table) ?? new Map<string, unknown>();
      tables.set(table, cached);
      const isFinal = table.isFinal as ((value: unknown) => boolean) | undefined;
      for (const [id, value] of rows) {
        cached.delete(id);
        if (value !== undefined && !isFinal?.(value)) cached.set(id, value);
      }
      for (const oldest of cached.keys()) {
        if (cached.size <= ROWS_MAX) break;
        cached.delete(oldest);
      }
    },
    clear: () => tables.clear(),
  };
}
