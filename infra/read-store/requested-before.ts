/**
 * Whether an execution may have been requested before, by the read model of executions: for a log
 * whose streams cost a call each to look at, most of them to learn that there is none.
 *
 * A no may be an old one, by as much as the read model is behind. Who goes by it appends expecting
 * no stream, so that the log decides; what is asked here only spares the call. The answer is yes
 * where the read model is away, or is found not to have come past what this process appended
 * `BEHIND_MS` ago.
 */
import type { Pool } from 'pg';
import type { ExecutionId } from '../../contracts/ids.js';
import { createBatchLoader } from '../concurrency/batch-loader.js';
import { isOutage } from '../event-store/outage.js';
import { START, type Position } from '../event-store/port.js';
import { storeCall } from '../event-store/store-calls.js';
import { rowsOf } from './reading.js';
import { amount } from './table.js';

export interface RequestedBefore {
  readonly maybe: (executionId: ExecutionId) => Promise<boolean>;
  /** This process appended a request there. */
  readonly landed: (position: Position) => void;
}

const BEHIND_MS = 1_000;
const IDS_MAX = 256;
const QUERIES_MAX = 2;

const SQL = `SELECT
    ARRAY(SELECT id FROM readmodel.executions WHERE id = ANY ($1::text[])) AS found,
    coalesce((SELECT position FROM readmodel.projections
      WHERE name = 'executions' AND stopped_at IS NULL), -1) AS position`;

export function openRequestedBefore(
  pool: Pick<Pool, 'query'>,
  nowMs = () => performance.now(),
): RequestedBefore {
  const appended = openAppended(nowMs);
  const ask = createBatchLoader<ExecutionId, boolean>({
    nameOf: (id) => id,
    keysMax: IDS_MAX,
    inFlightMax: QUERIES_MAX,
    isOutage,
    async load(ids) {
      const [row] = await rowsOf(pool, { name: 'requested before', text: SQL, values: [ids] });
      if (!row || amount(row, 'position') < appended.due()) return ids.map(() => true);
      const found = new Set(row['found'] as readonly string[]);
      return ids.map((id) => found.has(id));
    },
  });
  return {
    async maybe(executionId) {
      try {
        return await storeCall(
          'hint',
          () => [executionId],
          () => ask(executionId),
        );
      } catch (error) {
        if (isOutage(error)) return true;
        throw error;
      }
    },
    landed: (position) => appended.add(position),
  };
}

/** Which position the read model should have passed by now. */
function openAppended(nowMs: () => number) {
  let due: Position = START;
  let next: { readonly position: Position; readonly atMs: number } | undefined;
  const pass = () => {
    if (!next || next.atMs > nowMs() - BEHIND_MS) return;
    due = next.position;
    next = undefined;
  };
  return {
    add(position: Position) {
      pass();
      next ??= { position, atMs: nowMs() };
    },
    due() {
      pass();
      return due;
    },
  };
}
