/**
 * Rows by primary key, many callers in one question. A look-up waits for the turn of the event loop
 * to end, and while two questions are under way also for one of them: the busier the server, the
 * more look-ups one question carries.
 *
 *   look-ups ──► waiting ──(turn ends, fewer than 2 under way)──► WHERE key = ANY (…) ──► callers
 */
import type { Pool } from 'pg';
import { rowsOf } from './reading.js';
import { columnsOf, qualified, type Row, type TableShape } from './table.js';

/** Undefined when there is no such row. */
export type RowById<V> = (id: string) => Promise<V | undefined>;

interface Asking<V> {
  readonly answer: (value: V | undefined) => void;
  readonly fail: (error: unknown) => void;
}

const UNDER_WAY_MAX = 2;
const IDS_MAX = 256;

/** For a table whose key is one text column. */
export function openRowsById<V>(
  pool: Pick<Pool, 'query'>,
  table: TableShape,
  read: (row: Row) => V,
): RowById<V> {
  const key = table.key[0]?.name ?? '';
  const names = columnsOf(table).map(({ name }) => name);
  const text = `SELECT ${names.join(', ')} FROM ${qualified(table)} WHERE ${key} = ANY ($1)`;
  let waiting = new Map<string, Asking<V>[]>();
  let underWay = 0;
  let scheduled = false;

  function schedule(): void {
    if (scheduled || underWay >= UNDER_WAY_MAX || waiting.size === 0) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      void ask(take());
      schedule();
    });
  }

  function take(): Map<string, Asking<V>[]> {
    const taken = waiting;
    waiting = new Map();
    for (const [id, asking] of taken) {
      if (taken.size <= IDS_MAX) break;
      taken.delete(id);
      waiting.set(id, asking);
    }
    return taken;
  }

  async function ask(asked: Map<string, Asking<V>[]>): Promise<void> {
    underWay++;
    try {
      const name = `${table.name} by id`;
      const rows = await rowsOf(pool, { name, text, values: [[...asked.keys()]] });
      for (const row of rows) {
        const id = row[key] as string;
        const value = read(row);
        for (const { answer } of asked.get(id) ?? []) answer(value);
        asked.delete(id);
      }
      for (const askings of asked.values()) for (const { answer } of askings) answer(undefined);
    } catch (error) {
      for (const askings of asked.values()) for (const { fail } of askings) fail(error);
    } finally {
      underWay--;
      schedule();
    }
  }

  return (id) =>
    new Promise((answer, fail) => {
      const asking = waiting.get(id);
      if (asking) asking.push({ answer, fail });
      else waiting.set(id, [{ answer, fail }]);
      schedule();
    });
}
