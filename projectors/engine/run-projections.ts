/**
 * Keeps the projections of one process up with the log. They read it together and commit together;
 * one that is behind reads alone until it has come to the head. An event that one of them cannot
 * take stops that one, loudly, right before the event, and the others go on.
 *
 *   load ──► read the log, where most are ──► advance all ────┐
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
import {
  START,
  type EventStore,
  type LogBatch,
  type Position,
} from '../../infra/event-store/port.js';
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
import { CATCH_UP_EVENTS, readLog, readToHead } from '../../infra/event-store/read-log.js';
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
  const works = [watchOthers(options, running, turn)];
  try {
    if (running.length > 0) works.push(keepAllUp(options, running, turn.signal, onAdvanced));
    await Promise.race(works);
  } finally {
    end();
    signal.removeEventListener('abort', end);
    await Promise.all(works);
  }
}

/**
 * Those who are together read the log together. One behind them, as a new one is after an upgrade,
 * reads by itself until it has come to the head, so that nobody waits for it, and joins them then.
 */
async function keepAllUp(
  options: RunOptions,
  running: readonly RunningProjection[],
  signal: AbortSignal,
  onAdvanced: () => void,
): Promise<void> {
  const place = placeOfMost(running);
  const together = running.filter(({ position }) => position >= place);
  const behind = running.filter(({ position }) => position < place);
  const ended = new AbortController();
  const joining = openJoining(AbortSignal.any([signal, ended.signal]));
  const catchingUp = behind.map(async (one) => {
    try {
      if (await catchUp(options, one, joining.ended, onAdvanced)) joining.join(one);
    } catch (error) {
      joining.fail(error);
    }
  });
  try {
    await keepTogether(options, together, joining, onAdvanced);
  } finally {
    ended.abort();
    await Promise.all(catchingUp);
  }
}

/** Where most are; those who were stopped, or are new, are elsewhere. */
function placeOfMost(running: readonly RunningProjection[]): Position {
  const counts = new Map<Position, number>();
  for (const { position } of running) counts.set(position, (counts.get(position) ?? 0) + 1);
  const [most] = [...counts].sort(([p, m], [q, n]) => n - m || (p < q ? 1 : -1));
  return most?.[0] ?? START;
}

/** True once it has come to the head; false where an event stopped it, or the signal did. */
async function catchUp(
  options: RunOptions,
  one: RunningProjection,
  signal: AbortSignal,
  onAdvanced: () => void,
): Promise<boolean> {
  const report = openProgressReport(options, [one]);
  const filter = { types: [...one.projection.types] };
  for await (const batch of readToHead(options.store, one.position, CATCH_UP_EVENTS, filter)) {
    const active = await advanceAll(options, [one], batch);
    onAdvanced();
    await report(active, batch);
    if (active.length === 0 || signal.aborted) return false;
  }
  return true;
}

/** Those who have come to the head, and wait to be taken along. */
interface Joining {
  /** Nobody goes on: it was ended, or one of those who catch up failed. */
  readonly ended: AbortSignal;
  join(one: RunningProjection): void;
  fail(error: unknown): void;
  /** Aborts when somebody joins, or at the end. */
  next(): AbortSignal;
  /** Those who joined since; throws the error of one that failed. */
  take(): readonly RunningProjection[];
}

function openJoining(signal: AbortSignal): Joining {
  const failed = new AbortController();
  const ended = AbortSignal.any([signal, failed.signal]);
  const joined: RunningProjection[] = [];
  let change = new AbortController();
  return {
    ended,
    join(one) {
      joined.push(one);
      change.abort();
    },
    fail: (error) => failed.abort(error),
    next() {
      change = new AbortController();
      if (joined.length > 0) change.abort();
      return AbortSignal.any([ended, change.signal]);
    },
    take() {
      failed.signal.throwIfAborted();
      return joined.splice(0);
    },
  };
}

async function keepTogether(
  options: RunOptions,
  together: readonly RunningProjection[],
  joining: Joining,
  onAdvanced: () => void,
): Promise<void> {
  const members = [...together];
  const report = openProgressReport(options, members);
  let active: readonly RunningProjection[] = together;
  do {
    const from = active.reduce((least, { position }) => min(least, position), HIGHEST);
    for await (const batch of readLog(options.store, from, joining.next())) {
      active = await advanceAll(options, active, batch);
      onAdvanced();
      await report(active, batch);
    }
    const joined = joining.take();
    members.push(...joined);
    active = [...active, ...joined];
  } while (!joining.ended.aborted);
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
