/** The numbers that events have in the feeds of their organizations, by their places in the log. */
import { createBatchLoader } from '../concurrency/batch-loader.js';
import type { Position } from '../event-store/port.js';
import type { ProjectionProgress } from './progress.js';
import { amount } from './table.js';
import type { TenantReads } from './tenant-reads.js';

/**
 * Waits until the projection has numbered the event. Undefined when it has not in time, or is
 * stopped before it; never again once it was a number. Throws `StoreUnavailable`.
 */
export type FeedNumberOf = (position: Position) => Promise<number | undefined>;

/** A hundred times the usual lag under load. */
const PATIENCE_MS = 3_000;

/** A projection that was far behind is not waited for again within it. */
const IMPATIENT_MS = 3_000;

const SQL = 'SELECT position, sequence FROM readmodel.feed_events WHERE position = ANY ($1)';

const KEYS_MAX = 500;
const IN_FLIGHT_MAX = 2;

export function openFeedNumbers({
  progress,
  reads,
}: {
  readonly progress: ProjectionProgress;
  readonly reads: Pick<TenantReads, 'byKey'>;
}): FeedNumberOf {
  let impatientUntilMs = -Infinity;
  const load = createBatchLoader<Position, number | undefined>({
    nameOf: String,
    load: async (positions) => {
      const question = { name: 'numbers in feeds', text: SQL, values: [positions] };
      const rows = await reads.byKey(question);
      const numbers = new Map(
        rows.map((row) => [amount(row, 'position'), Number(amount(row, 'sequence'))]),
      );
      return positions.map((position) => numbers.get(position));
    },
    keysMax: KEYS_MAX,
    inFlightMax: IN_FLIGHT_MAX,
  });
  return async (position) => {
    const patienceMs = performance.now() < impatientUntilMs ? 0 : PATIENCE_MS;
    const passed = await progress.passed('feed', position, patienceMs);
    if (!passed && patienceMs > 0) impatientUntilMs = performance.now() + IMPATIENT_MS;
    // What has a number keeps it, also for who asks again and does not wait.
    return load(position);
  };
}
