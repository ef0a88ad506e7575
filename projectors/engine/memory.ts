/**
 * Rows that a writer has just written and may soon read again. It holds as long as nobody else
 * writes them: whoever finds that out forgets everything.
 */
import type { TableShape } from '../../infra/read-store/table.js';

export interface Memory {
  recall(table: TableShape, id: string): unknown;
  keep(table: TableShape, rows: Iterable<readonly [id: string, value: unknown]>): void;
  forget(): void;
}

/** Per table; the rows last written stay. */
const ROWS_MAX = 20_000;

export function openMemory(): Memory {
  const tables = new Map<TableShape, Map<string, unknown>>();
  return {
    recall: (table, id) => tables.get(table)?.get(id),
    keep(table, rows) {
      if (!table.read) return;
      const known = tables.get(table) ?? new Map<string, unknown>();
      tables.set(table, known);
      const isFinal = table.isFinal as ((value: unknown) => boolean) | undefined;
      for (const [id, value] of rows) {
        known.delete(id);
        if (value !== undefined && !isFinal?.(value)) known.set(id, value);
      }
      for (const oldest of known.keys()) {
        if (known.size <= ROWS_MAX) break;
        known.delete(oldest);
      }
    },
    forget: () => tables.clear(),
  };
}
