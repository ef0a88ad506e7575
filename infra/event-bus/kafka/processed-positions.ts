/**
 * The positions above its checkpoint that a group has processed, recorded by all its members: the
 * reconciliation subtracts them from the log. Where they are lost, it delivers them again.
 */
import type { Pool } from 'pg';
import { FIRST_EPOCH } from '../../event-store/identity.js';
import type { Position } from '../../event-store/port.js';
import { IS_OWN_EPOCH, requireOwn, type EpochOptions } from '../../checkpoints/epoch.js';

export interface ProcessedRow {
  readonly id: bigint;
  readonly positions: readonly Position[];
}

export interface ProcessedPositions {
  add(group: string, positions: readonly Position[]): Promise<void>;
  /** Rows of the group with greater ids, but for those named, by id; at most a thousand. */
  read(group: string, afterId: bigint, but: readonly bigint[]): Promise<readonly ProcessedRow[]>;
  /** Deletes rows whose positions are all at or below `position`. */
  remove(group: string, position: Position): Promise<void>;
}

/** Throws `LogMoved` where a process of an older epoch would write. */
export function openPostgresProcessedPositions({
  pool,
  epoch = FIRST_EPOCH,
  onMoved,
}: EpochOptions & { readonly pool: Pool }): ProcessedPositions {
  return {
    add: async (group, positions) => {
      const values = [epoch, group, positions.map(String)];
      const config = { name: 'add_processed_positions', text: ADD, values };
      requireOwn((await pool.query<{ own: boolean }>(config)).rows, onMoved);
    },
    read: async (group, afterId, but) => {
      const values = [group, String(afterId), but.map(String)];
      const config = { name: 'read_processed_positions', text: READ, values };
      return (await pool.query<ProcessedRow>(config)).rows;
    },
    remove: async (group, position) => {
      await pool.query(REMOVE, [group, String(position)]);
    },
  };
}

const ADD = `
  WITH ${IS_OWN_EPOCH}, added AS (
    INSERT INTO processing.processed_positions (group_name, highest, positions)
    SELECT $2, max(position), $3::bigint[]
    FROM unnest($3::bigint[]) AS processed (position), epoch WHERE own
    HAVING count(*) > 0
  )
  SELECT own FROM epoch`;

const READ = `
  SELECT id, positions FROM processing.processed_positions
  WHERE group_name = $1 AND id > $2 AND id <> ALL ($3::bigint[])
  ORDER BY id LIMIT 1000`;

const REMOVE = `
  DELETE FROM processing.processed_positions WHERE group_name = $1 AND highest <= $2`;

/** Gathers the positions that one member processed, until they are written. */
export interface ProcessedRecorder {
  add(position: Position): void;
  /** Whether this process processed it lately. */
  has(position: Position): boolean;
  /** Whether there is something to write. */
  readonly isDue: boolean;
  /** Throws when it could not be written, and writes it with the next flush. */
  flush(): Promise<void>;
}

/** Beyond it the oldest are dropped: they are delivered again. */
const UNWRITTEN_MAX = 100_000;
const REMEMBERED_MAX = 20_000;

export function openProcessedRecorder(
  processed: ProcessedPositions,
  group: string,
): ProcessedRecorder {
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
        await processed.add(group, written);
      } catch (error) {
        unwritten = [...written, ...unwritten].slice(-UNWRITTEN_MAX);
        throw error;
      }
    },
  };
}
