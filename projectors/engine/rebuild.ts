/**
 * Builds a projection anew from the whole log beside the live one, compares the two at one position
 * while both go on, and puts the new one in the live one's place.
 *
 *   drop leftovers ─► create shadow ─► fill to the head ─► compare at the live one's position
 *     ─► fill to the head ─► in one transaction: lock the live checkpoint, fill the rest, replace
 *
 * Until that transaction commits, the live tables are untouched, so a crash anywhere leaves them.
 * One rebuild of a projection at a time: an advisory lock of the connection that writes it, which
 * is gone with the connection and with it the right to write.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import pg, { type ClientBase, type Pool, type PoolClient } from 'pg';
import { START, type EventStore, type Position } from '../../infra/event-store/port.js';
import type { Log } from '../../infra/logger.js';
import { checksumOf, checksumOfTables, type Checksum } from '../../infra/read-store/checksum.js';
import type { ProjectionProgress } from '../../infra/read-store/progress.js';
import { REBUILD_LOCK } from '../../infra/read-store/projection-states.js';
import type { RebuildWay } from '../../infra/read-store/time-left.js';
import { foldBatch } from './fold-batch.js';
import { runAll, type EventBatch } from './running-projections.js';
import { openRowCache, type RowCache } from './row-cache.js';
import type { Projection } from './projection.js';
import { readToHead } from '../../infra/event-store/read-log.js';
import { beginProgress, keepOutcome, keepProgress } from './rebuild-progress.js';
import { fullPace, type RebuildPace } from './rebuild-pace.js';
import { createShadow, dropShadow, replaceLive, SHADOW } from './shadow.js';

export interface Rebuilding {
  readonly pool: Pool;
  /** For the rebuild's own statements, which take long; `pool` unless given. */
  readonly patient?: Pool;
  readonly progress: ProjectionProgress;
  readonly store: EventStore;
  readonly log: Pick<Log, 'info' | 'warn'>;
  /** As fast as it can unless given. */
  readonly pace?: RebuildPace;
  /** Called with each batch. */
  readonly onProgress?: (progress: RebuildProgress) => void;
  /** Ends a rebuild that is under way; it leaves no trace but leftovers for the next one. */
  readonly signal?: AbortSignal;
}

export interface RebuildProgress extends RebuildWay {
  readonly name: string;
  readonly events: number;
}

export interface Rebuilt {
  readonly name: string;
  /** The last position in the rebuilt tables. */
  readonly position: Position;
  readonly events: number;
  readonly seconds: number;
  /** Absent when the live one is of other code, stopped, or too far behind to be compared with. */
  readonly comparison?: {
    readonly equal: boolean;
    readonly live: Checksum;
    readonly rebuilt: Checksum;
  };
  readonly swapped: boolean;
}

/** Another rebuild of the projection is under way. */
export class RebuildUnderWay extends Error {
  constructor(name: string) {
    super(`${name} is being rebuilt already`);
    this.name = 'RebuildUnderWay';
  }
}

/** Throws `RebuildUnderWay`, and the error of a handler that cannot apply an event. */
export async function rebuild(
  rebuilding: Rebuilding,
  projection: Projection,
  { swap }: { readonly swap: boolean },
): Promise<Rebuilt> {
  const startedMs = performance.now();
  const client = await (rebuilding.patient ?? rebuilding.pool).connect();
  try {
    await takeLock(client, projection);
    await client.query(
      "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = '30s'; " +
        "SET synchronous_commit = 'off'; SET timezone = 'UTC'",
    );
    await dropShadow(client, projection);
    await createShadow(client, projection);
    const rowCache = openRowCache();
    const head = await beginProgress(client, projection.name, rebuilding.store);
    const told = { name: projection.name, head };
    const onBatch = ({ position, events }: Shadow) =>
      rebuilding.onProgress?.({
        ...told,
        position,
        events,
        elapsedMs: performance.now() - startedMs,
      });
    const start = { position: START, events: 0 };
    const shadow: Shadow = { client, projection, rowCache, ...start, onBatch };
    await fillToHead(rebuilding, shadow);
    const comparison = await compare(rebuilding, shadow);
    if (swap) await swapIn(rebuilding, shadow);
    else await dropShadow(client, projection);
    const { position, events } = shadow;
    const seconds = (performance.now() - startedMs) / 1000;
    const { name } = projection;
    const done = { name, position, events, seconds, ...(comparison && { comparison }) };
    // One that only compares, as the auditor's do, changes nothing that is shown.
    if (swap) await keepOutcome(client, name, done);
    const fields = { events, seconds, equal: comparison?.equal, swapped: swap };
    rebuilding.log.info({ projection: name, position: `${position}`, ...fields }, 'rebuilt');
    return { ...done, swapped: swap };
  } finally {
    // A broken connection has lost the lock already.
    await client.query('SELECT pg_advisory_unlock_all()').catch(() => undefined);
    client.release(true); // its settings are not those of the pool any more
  }
}

/** The tables being filled; `position` moves only with a commit. */
interface Shadow {
  readonly client: PoolClient;
  readonly projection: Projection;
  readonly rowCache: RowCache;
  position: Position;
  events: number;
  readonly onBatch: (shadow: Shadow) => void;
}

async function takeLock(client: ClientBase, { name, tables, version }: Projection): Promise<void> {
  await client.query(
    `INSERT INTO readmodel.projections (name, version, tables, position)
     VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
    [name, version, tables.map((table) => table.name), START],
  );
  const { rows } = await client.query<{ taken: boolean }>(
    `SELECT pg_try_advisory_lock(${REBUILD_LOCK}, number) AS taken
     FROM readmodel.projections WHERE name = $1`,
    [name],
  );
  if (!rows[0]?.taken) throw new RebuildUnderWay(name);
}

async function fillToHead(rebuilding: Rebuilding, shadow: Shadow): Promise<void> {
  const { pace = fullPace, signal } = rebuilding;
  for await (const batch of batchesFor(rebuilding, shadow)) {
    const beganMs = performance.now();
    await inTransaction(shadow, () => fill(shadow, batch));
    await pace.rest(performance.now() - beganMs, signal);
  }
}

/** The projection's events from the position of the shadow to the head. */
async function* batchesFor(rebuilding: Rebuilding, { projection, position }: Shadow) {
  const { store, signal, pace = fullPace } = rebuilding;
  const filter = { types: [...projection.types] };
  for await (const batch of readToHead(store, position, pace.batchEvents, filter)) {
    signal?.throwIfAborted();
    yield batch;
  }
}

/** To exactly that position, at or after which the log's head is. */
async function fillTo(rebuilding: Rebuilding, shadow: Shadow, end: Position): Promise<void> {
  for await (const batch of batchesFor(rebuilding, shadow)) {
    const events = batch.events.filter(({ position }) => position <= end);
    const isLast = batch.position >= end;
    await fill(shadow, { events, position: isLast ? end : batch.position });
    if (isLast) return;
  }
}

async function fill(shadow: Shadow, { events, position }: EventBatch): Promise<void> {
  const { client, projection, rowCache } = shadow;
  const folded = await foldBatch(client, projection, events, rowCache, SHADOW);
  await runAll(client, folded.statements);
  folded.cacheRows();
  shadow.position = position;
  shadow.events += events.length;
}

/** After a rollback the shadow is where it was, and its cached rows are void. */
async function inTransaction(shadow: Shadow, work: () => Promise<void>): Promise<void> {
  const { client, projection, rowCache, position, events } = shadow;
  try {
    await client.query('BEGIN');
    await work();
    await keepProgress(client, projection.name, shadow);
    await client.query('COMMIT');
    shadow.onBatch(shadow);
  } catch (error) {
    Object.assign(shadow, { position, events });
    rowCache.clear();
    await client.query('ROLLBACK');
    throw error;
  }
}

/** How long a live projection that is behind may take to come to where the shadow is. */
const LIVE_MS = 10_000;

async function compare(
  rebuilding: Rebuilding,
  shadow: Shadow,
): Promise<Rebuilt['comparison'] | undefined> {
  const { pool, progress, log } = rebuilding;
  const { client, projection } = shadow;
  const { name, version } = projection;
  const tables = projection.tables.map((table) => table.name);
  const { rows } = await client.query<{ version: number }>(
    'SELECT version FROM readmodel.projections WHERE name = $1 AND stopped_at IS NULL',
    [name],
  );
  if (rows[0]?.version !== version) return undefined;
  if (!(await progress.passed(name, shadow.position, LIVE_MS))) return undefined;
  const live = await checksumOf(rebuilding.patient ?? pool, name);
  if (!live || live.position < shadow.position) return undefined;
  await inTransaction(shadow, () => fillTo(rebuilding, shadow, live.position));
  const sum = await checksumOfTables(client, name, tables, SHADOW);
  const rebuilt = { ...sum, position: live.position };
  const equal = live.checksum === rebuilt.checksum && live.rows === rebuilt.rows;
  if (!equal) log.warn({ projection: name }, 'the rebuilt rows differ from the live ones');
  return { equal, live, rebuilt };
}

const SWAP_ATTEMPTS_MAX = 20;
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * A reader of minutes must not make all later readers wait behind our lock: rather the swap waits,
 * and is tried again.
 */
async function swapIn(rebuilding: Rebuilding, shadow: Shadow): Promise<void> {
  const { client, projection } = shadow;
  for (const table of projection.tables)
    await client.query(`ANALYZE readmodel.${table.name}${SHADOW}`);
  for (let attempt = 1; ; attempt++) {
    await fillToHead(rebuilding, shadow);
    try {
      await inTransaction(shadow, () => swapOnce(rebuilding, shadow));
      return;
    } catch (error) {
      const isBusy = error instanceof pg.DatabaseError && error.code === LOCK_NOT_AVAILABLE;
      if (!isBusy || attempt === SWAP_ATTEMPTS_MAX) throw error;
      rebuilding.log.info({ projection: projection.name, attempt }, 'the swap waits for readers');
      await sleep(50 * attempt);
    }
  }
}

async function swapOnce(rebuilding: Rebuilding, shadow: Shadow): Promise<void> {
  const { client, projection } = shadow;
  const { name, version } = projection;
  await client.query("SET LOCAL synchronous_commit = 'on'; SET LOCAL lock_timeout = '500ms'");
  const { rows } = await client.query<{ position: bigint }>(
    'SELECT position FROM readmodel.projections WHERE name = $1 FOR UPDATE',
    [name],
  );
  const live = rows[0]?.position ?? START;
  if (live > shadow.position) await fillTo(rebuilding, shadow, live);
  await replaceLive(client, projection);
  await client.query(
    `UPDATE readmodel.projections
     SET version = $2, tables = $3, position = $4, generation = generation + 1,
       stopped_at = NULL, stopped_position = NULL, error = NULL,
       rebuild_requested_at = NULL, rebuild_error = NULL
     WHERE name = $1`,
    [name, version, projection.tables.map((table) => table.name), shadow.position],
  );
}
