/**
 * Waiting for a projection. Projectors of this process announce what they committed; what others
 * committed is found by asking.
 */
import type { Pool } from 'pg';
import { START, type Position } from '../event-store/port.js';
import { rowsOf } from './reading.js';
import { amount } from './table.js';

interface Progress {
  /** Everything up to there is committed. */
  announce(projections: readonly string[], position: Position): void;
  /** Whether the projection passed the position; false when it stopped, or had not in time. */
  passed(projection: string, position: Position, timeoutMs: number): Promise<boolean>;
}

/** How late a commit of another process is seen, at most. */
const ASK_MS = 25;

const known = new WeakMap<object, Progress>();

/** One per pool, so that the apps of a process meet without knowing one another. */
export function progressOf(pool: Pool): Progress {
  let progress = known.get(pool);
  if (!progress) known.set(pool, (progress = openProgress(pool)));
  return progress;
}

function openProgress(pool: Pool): Progress {
  const positions = new Map<string, Position>();
  const bells = new Set<() => void>();
  const isThere = (name: string, position: Position) => (positions.get(name) ?? START) >= position;

  const announcement = (timeoutMs: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(done, timeoutMs);
      bells.add(done);
      function done() {
        clearTimeout(timer);
        bells.delete(done);
        resolve();
      }
    });

  return {
    announce(projections, position) {
      for (const name of projections) positions.set(name, position);
      for (const ring of [...bells]) ring();
    },
    async passed(name, position, timeoutMs) {
      const deadline = performance.now() + timeoutMs;
      while (!isThere(name, position)) {
        const committed = await committedBy(pool, name);
        if (committed.position >= position) return true;
        const leftMs = deadline - performance.now();
        if (committed.stopped || leftMs <= 0) return false;
        if (!isThere(name, position)) await announcement(Math.min(leftMs, ASK_MS));
      }
      return true;
    },
  };
}

async function committedBy(pool: Pool, name: string) {
  const [row] = await rowsOf(pool, {
    name: 'projection position',
    text: 'SELECT position, stopped_at FROM readmodel.projections WHERE name = $1',
    values: [name],
  });
  if (!row) return { position: START, stopped: false };
  return { position: amount(row, 'position'), stopped: row['stopped_at'] !== null };
}
