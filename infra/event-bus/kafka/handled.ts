/**
 * Which wakes above its checkpoint a group has finished, told by all its members: what the sweep
 * subtracts from the log. Losing it costs only that wakes ring again.
 */
import type { Pool } from 'pg';
import { FIRST_EPOCH } from '../../event-store/identity.js';
import type { Position } from '../../event-store/port.js';
import { IS_OWN_EPOCH, requireOwn, type EpochOptions } from '../../checkpoints/epoch.js';

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

/** Throws `LogMoved` where a process of an older epoch would write. */
export function openPostgresHandled({
  pool,
  epoch = FIRST_EPOCH,
  onMoved,
}: EpochOptions & { readonly pool: Pool }): HandledPositions {
  return {
    add: async (group, positions) => {
      const values = [epoch, group, positions.map(String)];
      const config = { name: 'add_handled', text: ADD, values };
      requireOwn((await pool.query<{ own: boolean }>(config)).rows, onMoved);
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
  WITH ${IS_OWN_EPOCH}, added AS (
    INSERT INTO processing.handled_wakes (group_name, highest, positions)
    SELECT $2, max(position), $3::bigint[]
    FROM unnest($3::bigint[]) AS handled (position), epoch WHERE own
    HAVING count(*) > 0
  )
  SELECT own FROM epoch`;

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
