/** Announces to readers how far projections are, and to the metrics how far they are behind. */
import type { EventStore, LogBatch } from '../../infra/event-store/port.js';
import type { Metrics } from '../../infra/metrics.js';
import type { ProjectionProgress } from '../../infra/read-store/progress.js';
import type { RunningProjection } from './running-projections.js';

interface Reporting {
  readonly store: Pick<EventStore, 'head'>;
  readonly progress: ProjectionProgress;
  readonly metrics: Pick<Metrics, 'projectionLag' | 'projectionStopped'>;
}

/** Called after each batch with the projections that committed it. */
type Report = (active: readonly RunningProjection[], batch: LogBatch) => Promise<void>;

/** How often the head is asked for while a projection is behind. */
const HEAD_MS = 1_000;

export function openProgressReport(
  { store, progress, metrics }: Reporting,
  running: readonly RunningProjection[],
): Report {
  // Commits do not wait for the disk: after its crash a database may be behind what was announced.
  for (const { projection, position } of running) progress.announce([projection.name], position);
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
    for (const one of running) {
      const label = { projection: one.projection.name };
      metrics.projectionLag.set(label, Number(head - one.position));
      metrics.projectionStopped.set(label, active.includes(one) ? 0 : 1);
    }
  };
}
