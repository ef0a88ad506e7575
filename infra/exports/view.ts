/** An export as operators see it. */
import type { ExportLag } from './lag.js';
import type { StoredExport } from './port.js';

export function exportBody(stored: StoredExport, lag: ExportLag | undefined) {
  const { done, sink } = stored;
  return {
    name: stored.name,
    organization_id: stored.organizationId ?? null,
    format: stored.format,
    folder: sink.folder ?? null,
    s3: sink.s3 ?? null,
    kafka: sink.kafka ?? null,
    operator_columns: stored.hasOperators,
    from: `${stored.from}`,
    events_max: stored.eventsMax,
    delay_seconds: stored.delaySeconds,
    created_at: stored.createdAt.toISOString(),
    state: stateOf(stored, lag),
    exported_to: done === undefined ? null : `${done}`,
    lag_events: lag?.events ?? 0,
    lag_seconds: lag?.seconds ?? 0,
    events: Number(stored.events),
    files: Number(stored.files),
    last_file: stored.lastFile ?? null,
    exported_at: stored.exportedAt?.toISOString() ?? null,
    error: stored.error ?? null,
    retry_at: stored.retryAt?.toISOString() ?? null,
  };
}

function stateOf({ done, planned, failures, ...stored }: StoredExport, lag?: ExportLag) {
  if (stored.isPaused) return 'paused';
  if (failures > 0) return 'failing';
  if (done === undefined || !lag) return 'beginning';
  const isDue = lag.events >= stored.eventsMax || lag.seconds > stored.delaySeconds;
  return isDue || planned !== undefined ? 'behind' : 'current';
}
