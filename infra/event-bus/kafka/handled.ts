/**
 * Which wakes above its checkpoint a group has finished, told by all its members: what the sweep
 * subtracts from the log. Losing it costs only that wakes ring again.
 */
import type { Pool } from 'pg';
import type { Position } from '../../event-store/port.js';

export interface HandledRow {
  readonly id: bigint;
  readonly positions: readonly Position[];
}

export interface HandledPositions {
  add(group: string, positions: readonly Position[]): Promise<void>;
  /** Rows of the group with greater ids, but for those named, by id; at most a thousand. */
  read(group: string, afterId: bigint, but: readonly bigint[]): Promise<readonly HandledRow[]>;
  /** Forgets rows whose positions all lie at or below `position`. */
  forget(group: string, position: Position): Promise<void>;
}

export function openPostgresHandled({ pool }: { pool: Pool }): HandledPositions {
  return {
    add: async (group, positions) => {
      const text = positions.map(String);
      await pool.query({ name: 'add_handled', text: ADD, values: [group, text] });
    },
    read: async (group, afterId, but) => {
      const values = [group, String(afterId), but.map(String)];
      return (await pool.query<HandledRow>({ name: 'read_handled', text: READ, values })).rows;
    },
    forget: async (group, position) => {
      await pool.query(FORGET, [group, String(position)]);
    },
  };
}

const ADD = `
  INSERT INTO processing.handled_wakes (group_name, highest, positions)
  SELECT $1, max(position), $2::bigint[] FROM unnest($2::bigint[]) AS handled (position)`;

const READ = `
  SELECT id, positions FROM processing.handled_wakes
  WHERE group_name = $1 AND id > $2 AND id <> ALL ($3::bigint[])
  ORDER BY id LIMIT 1000`;

const FORGET = `
  DELETE FROM processing.handled_wakes WHERE group_name = $1 AND highest <= $2`;

/** Gathers what one member finished, until it is written. */
export interface HandledRecorder {
  add(position: Position): void;
  /** Whether it was finished here a while ago at most. */
  has(position: Position): boolean;
  /** Whether there is something to write. */
  readonly isDue: boolean;
  /** Throws when it could not be written; it is kept then. */
  flush(): Promise<void>;
}

/** Beyond it the oldest are let go: they will ring again. */
const UNWRITTEN_MAX = 100_000;
const REMEMBERED_MAX = 20_000;

export function openHandledRecorder(handled: HandledPositions, group: string): HandledRecorder {
  let unwritten: Position[] = [];
  let recent = new Set<Position>();
  let older = new Set<Position>();
  return {
    add: (position) => {
      unwritten.push(position);
      recent.add(position);
      if (recent.size < REMEMBERED_MAX) return;
      older = recent;
      recent = new Set();
    },
    has: (position) => recent.has(position) || older.has(position),
    get isDue() {
      return unwritten.length > 0;
    },
    flush: async () => {
      if (unwritten.length === 0) return;
      const written = unwritten;
      unwritten = [];
      try {
        await handled.add(group, written);
      } catch (error) {
        unwritten = [...written, ...unwritten].slice(-UNWRITTEN_MAX);
        throw error;
      }
    },
  };
}
