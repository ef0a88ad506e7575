/**
 * Keeps the projections of one process up with the log. They read it together and commit together;
 * an event that one of them cannot take stops that one, loudly, right before the event, and the
 * others go on.
 *
 *   load ──► read the log from the hindmost ──► advance all ──┐
 *    ▲            ▲                               │           │ poisoned: each alone, halving down
 *    │            └───────────────────────────────┘           ▼ to the event
 *    ├── moved by another process, or a stopped one resumes   stop that one
 *    └── an outage: after a growing pause
 */
import type { Pool } from 'pg';
import type { AnyEvent } from '../../contracts/events/all.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import { pause } from '../../infra/concurrency/pause.js';
import { InvalidEvent } from '../../infra/event-store/codec.js';
import type { EventStore, LogBatch, Position } from '../../infra/event-store/port.js';
import type { Log } from '../../infra/logger.js';
import type { Metrics } from '../../infra/metrics.js';
import type { ProjectionProgress } from '../../infra/read-store/progress.js';
import {
  advance,
  loadProjections,
  Moved,
  runnable,
  type RunningProjection,
  type EventBatch,
} from './running-projections.js';
import { mayPass } from './failures.js';
import type { Projection } from './projection.js';
import { readLog } from '../../infra/event-store/read-log.js';
import { openProgressReport } from './report-progress.js';

export interface RunOptions {
  readonly pool: Pool;
  readonly progress: ProjectionProgress;
  readonly store: EventStore;
  readonly log: Pick<Log, 'info' | 'warn' | 'error'>;
  readonly metrics: Pick<Metrics, 'projectionLag' | 'projectionStopped'>;
  readonly projections: readonly Projection[];
}

const PAUSE_FIRST_MS = 100;
const PAUSE_MAX_MS = 5_000;

/** Until the signal aborts; never rejects for an outage. */
export async function runProjections(options: RunOptions, signal: AbortSignal): Promise<void> {
  let pauseMs = PAUSE_FIRST_MS;
  let isFirst = true;
  while (!signal.aborted) {
    try {
      // Code or data may have been mended since: a start gives the stopped ones another try.
      if (isFirst) await resumeStopped(options);
      isFirst = false;
      const running = await loadProjections(options.pool, options.projections);
      await keepUp(options, running, signal, () => (pauseMs = PAUSE_FIRST_MS));
    } catch (error) {
      if (signal.aborted) return;
      const { log } = options;
      if (error instanceof Moved) log.info({ reason: error.message }, 'projections load again');
      else if (error instanceof InvalidEvent) reportUnreadable(options, error);
      else log.warn({ err: error, pauseMs }, 'projections wait');
      await pause(pauseMs, signal);
      pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS);
    }
  }
}

/** An event that cannot be decoded stops every projection right before it. */
function reportUnreadable(
  { projections, metrics, log }: RunOptions,
  { message }: InvalidEvent,
): void {
  for (const { name } of projections) metrics.projectionStopped.set({ projection: name }, 1);
  log.error({ reason: message }, 'the log has an event that cannot be read; all projections stand');
}

/** Returns when a stopped projection may run again; throws `Moved` and outages. */
async function keepUp(
  options: RunOptions,
  running: readonly RunningProjection[],
  signal: AbortSignal,
  onAdvanced: () => void,
): Promise<void> {
  const turn = new AbortController();
  const end = () => turn.abort();
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  const watching = watchOthers(options, running, turn);
  const report = openProgressReport(options, running);
  let active = running;
  try {
    if (active.length === 0) return await watching;
    const from = running.reduce((least, { position }) => min(least, position), HIGHEST);
    for await (const batch of readLog(options.store, from, turn.signal)) {
      active = await advanceAll(options, active, batch);
      onAdvanced();
      await report(active, batch);
    }
  } finally {
    end();
    signal.removeEventListener('abort', end);
    await watching;
  }
}

/** A position is never above it: the greatest bigint that PostgreSQL has. */
const HIGHEST: Position = 2n ** 63n - 1n;

const min = (a: Position, b: Position): Position => (a < b ? a : b);

/** Returns the projections that go on; the others are stopped. */
async function advanceAll(
  options: RunOptions,
  running: readonly RunningProjection[],
  batch: LogBatch,
): Promise<readonly RunningProjection[]> {
  try {
    await advance(options.pool, running, batch);
    return running;
  } catch (error) {
    if (error instanceof Moved || mayPass(error)) throw error;
  }
  const going: RunningProjection[] = [];
  for (const one of running) if (await advanceAlone(options, one, batch)) going.push(one);
  return going;
}

/** False when an event of the batch stopped it. */
async function advanceAlone(
  options: RunOptions,
  one: RunningProjection,
  batch: EventBatch,
): Promise<boolean> {
  const { types } = one.projection;
  const events = batch.events.filter(
    ({ type, position }) => types.has(type) && position > one.position,
  );
  try {
    await advance(options.pool, [one], { events, position: batch.position });
    return true;
  } catch (error) {
    if (error instanceof Moved || mayPass(error)) throw error;
    const middle = events.length >> 1;
    const [poison, last] = [events[0], events[middle - 1]];
    if (poison && !last) return stop(options, one, poison, error);
    if (!last) throw error;
    const first = { events: events.slice(0, middle), position: last.position };
    return (
      (await advanceAlone(options, one, first)) &&
      (await advanceAlone(options, one, { ...batch, events: events.slice(middle) }))
    );
  }
}

async function stop(
  { pool, log, metrics }: RunOptions,
  { projection, position, generation }: RunningProjection,
  event: RecordedEvent<AnyEvent>,
  error: unknown,
): Promise<false> {
  const message = error instanceof Error ? error.message : String(error);
  const { rowCount } = await pool.query(
    `UPDATE readmodel.projections
     SET stopped_at = clock_timestamp(), stopped_position = $4, error = $5
     WHERE name = $1 AND position = $2 AND generation = $3`,
    [projection.name, position, generation, event.position, message],
  );
  if (rowCount === 0) throw new Moved([projection.name]);
  metrics.projectionStopped.set({ projection: projection.name }, 1);
  const where = { stream: event.stream, revision: event.revision, position: `${event.position}` };
  log.error(
    { projection: projection.name, type: event.type, ...where, reason: message },
    'a projection stopped at an event that it cannot take',
  );
  return false;
}

async function resumeStopped({ pool, projections }: RunOptions): Promise<void> {
  await pool.query(
    `UPDATE readmodel.projections
     SET stopped_at = NULL, stopped_position = NULL, error = NULL
     WHERE stopped_at IS NOT NULL AND name = ANY ($1)`,
    [projections.map(({ name }) => name)],
  );
}

const WATCH_MS = 1_000;

/** Ends the turn when other projections may run, or a rebuild was swapped in. */
async function watchOthers(
  { pool, projections, log }: RunOptions,
  running: readonly RunningProjection[],
  turn: AbortController,
): Promise<void> {
  const generations = new Map(running.map((one) => [one.projection.name, one.generation]));
  while (!turn.signal.aborted) {
    await pause(WATCH_MS, turn.signal);
    if (turn.signal.aborted) return;
    try {
      for (const [name, { generation }] of await runnable(pool, projections))
        if (generations.get(name) !== generation) turn.abort();
    } catch (error) {
      log.warn({ err: error }, 'the projections cannot be looked at');
    }
  }
}
