/** Tells who waits for a projection how far it is, and the metrics how far it is behind. */
import type { LogBatch } from '../../infra/event-store/port.js';
import { progressOf } from '../../infra/read-store/progress.js';
import type { Follower } from './followers.js';
import type { Running } from './run-projections.js';

/** How often the head is asked for while a reader is behind. */
const HEAD_MS = 1_000;

type Show = (active: readonly Follower[], batch: LogBatch) => Promise<void>;

export function openProgressShown(
  { pool, store, metrics }: Pick<Running, 'pool' | 'store' | 'metrics'>,
  followers: readonly Follower[],
): Show {
  const progress = progressOf(pool);
  // A database that crashed may be behind what was told before: commits do not wait for the disk.
  for (const { projection, position } of followers) progress.announce([projection.name], position);
  let askedAtMs = -Infinity;
  return async (active, { position, caughtUp }) => {
    progress.announce(
      active.map(({ projection }) => projection.name),
      position,
    );
    const nowMs = performance.now();
    if (!caughtUp && nowMs - askedAtMs < HEAD_MS) return;
    askedAtMs = nowMs;
    const head = caughtUp ? position : await store.head();
    for (const follower of followers) {
      const label = { projection: follower.projection.name };
      metrics.projectionLag.set(label, Number(head - follower.position));
      metrics.projectionStopped.set(label, active.includes(follower) ? 0 : 1);
    }
  };
}
