/**
 * How many executions of an organization wait for a model before one that waits. They are counted
 * for all who ask within moments, the longer the more there are: pollers of a long queue cost no
 * more than pollers of a short one.
 */
import type { OrganizationId } from '../../contracts/ids.js';
import { QUEUED_AHEAD_MAX } from '../../contracts/http/execution.js';
import { openRecentMap } from '../../infra/recent-map.js';
import { labelOf } from '../../infra/read-store/tables/executions.js';
import type { QueryInfra } from '../query-infra.js';

/** At most `QUEUED_AHEAD_MAX`. Throws `StoreUnavailable`. */
export type QueuedAhead = (
  organizationId: OrganizationId,
  waiting: { readonly model: string; readonly created_at: string },
) => Promise<number>;

/** The times of acceptance, in order, until they are too old to be shown. */
interface Queue {
  readonly times: Promise<Float64Array>;
  freshUntilMs: number;
}

const FRESH_MIN_MS = 20;
/** Of 10,000 that are read in about 10 ms: for a quarter of a second. */
const FRESH_MS_PER_TIME = 1 / 40;

/** Some eighty kilobytes for the longest. */
const QUEUES_MAX = 64;

export function openQueuedAhead({ reads }: Pick<QueryInfra, 'reads'>): QueuedAhead {
  const queues = openRecentMap<string, Queue>({ costMax: Infinity, entriesMax: QUEUES_MAX });

  function read(label: string): Queue {
    const queue: Queue = { times: timesOf(reads, label), freshUntilMs: Infinity };
    const stale = (count: number) => {
      const freshMs = Math.max(FRESH_MIN_MS, count * FRESH_MS_PER_TIME);
      queue.freshUntilMs = performance.now() + freshMs;
    };
    queue.times.then(
      (times) => stale(times.length),
      () => queues.delete(label),
    );
    queues.set(label, queue, 1);
    return queue;
  }

  return async (organizationId, { model, created_at }) => {
    const label = labelOf(organizationId, 'waiting', model);
    const known = queues.get(label);
    const queue = known && performance.now() < known.freshUntilMs ? known : read(label);
    return countBefore(await queue.times, Date.parse(created_at));
  };
}

/** The oldest, as many as are counted. */
async function timesOf(reads: QueryInfra['reads'], label: string): Promise<Float64Array> {
  const [row] = await reads.byKey({
    name: 'waiting executions',
    text: `
      SELECT string_agg((extract(epoch FROM created_at) * 1000)::bigint::text, ',') AS times
      FROM (
        SELECT created_at FROM readmodel.execution_labels
        WHERE label = $1 ORDER BY created_at, execution_id LIMIT ${QUEUED_AHEAD_MAX}
      ) AS waiting`,
    values: [label],
  });
  const times = row?.['times'];
  return typeof times === 'string' ? Float64Array.from(times.split(','), Number) : NONE;
}

const NONE = new Float64Array(0);

/** By halves. */
function countBefore(times: Float64Array, time: number): number {
  let [least, most] = [0, times.length];
  while (least < most) {
    const middle = (least + most) >>> 1;
    if ((times[middle] ?? Infinity) < time) least = middle + 1;
    else most = middle;
  }
  return least;
}
