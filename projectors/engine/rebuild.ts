/**
 * Builds projections anew from the whole log beside the live ones, compares each with its live one
 * at one position while both go on, and puts it in the live one's place.
 *
 *   drop leftovers ─► create shadows ─► fill all to the head, in one reading of the log
 *     each: ─► compare at the live one's position ─► fill to the head
 *       ─► in one transaction: lock the live checkpoint, fill the rest, replace
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
import { mayPass } from './failures.js';
import {
  emptyShadow,
  fillTo,
  fillToHead,
  inTransaction,
  type Filling,
  type Shadow,
} from './fill-shadows.js';
import type { Projection } from './projection.js';
import { beginProgress, keepOutcome } from './rebuild-progress.js';
import type { RebuildPace } from './rebuild-pace.js';
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
  /** Those that are filled together. */
  readonly names: readonly string[];
  /** That were taken by the one of them that takes most. */
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

export type RebuildOutcome =
  | { readonly name: string; readonly rebuilt: Rebuilt }
  /** Its live rows stay. The error is about this projection alone. */
  | { readonly name: string; readonly error: unknown };

interface RebuildOptions {
  readonly swap: boolean;
}

/**
 * In one reading of the log; the outcome of each as soon as there is one. One that cannot be
 * rebuilt does not keep the others from it. Throws what ends all of them, as an outage does.
 */
export async function* rebuildAll(
  rebuilding: Rebuilding,
  projections: readonly Projection[],
  { swap }: RebuildOptions,
): AsyncGenerator<RebuildOutcome, void, undefined> {
  const startedMs = performance.now();
  const client = await (rebuilding.patient ?? rebuilding.pool).connect();
  try {
    await client.query(
      "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = '30s'; " +
        "SET synchronous_commit = 'off'; SET timezone = 'UTC'",
    );
    const shadows = new Set<Shadow>();
    for (const projection of projections)
      if (await takeLock(client, projection)) shadows.add(await openShadow(client, projection));
      else yield { name: projection.name, error: new RebuildUnderWay(projection.name) };
    const names = [...shadows].map(({ projection }) => projection.name);
    const head = await beginProgress(client, names, rebuilding.store);
    const filling = fillingOf(rebuilding, { client, head, startedMs });
    for (let isFull = shadows.size === 0; !isFull;) {
      const unfilled = await fillToHead(filling, [...shadows]);
      for (const { shadow, error } of unfilled) {
        shadows.delete(shadow);
        yield await given(client, shadow, error);
      }
      isFull = unfilled.length === 0 || shadows.size === 0;
    }
    for (const shadow of shadows) yield await finish(rebuilding, filling, shadow, swap, startedMs);
  } finally {
    // A broken connection has lost the locks already.
    await client.query('SELECT pg_advisory_unlock_all()').catch(() => undefined);
    client.release(true); // its settings are not those of the pool any more
  }
}

interface Begun {
  readonly client: PoolClient;
  readonly head: Position;
  readonly startedMs: number;
}

function fillingOf(rebuilding: Rebuilding, { client, head, startedMs }: Begun): Filling {
  const { store, pace, signal, onProgress } = rebuilding;
  return {
    client,
    store,
    ...(pace && { pace }),
    ...(signal && { signal }),
    onBatch: (shadows) =>
      onProgress?.({
        names: shadows.map(({ projection }) => projection.name),
        position: shadows[0]?.position ?? START,
        events: Math.max(...shadows.map(({ events }) => events)),
        head,
        elapsedMs: performance.now() - startedMs,
      }),
  };
}

/** False when another rebuild of it is under way. */
async function takeLock(
  client: ClientBase,
  { name, tables, version }: Projection,
): Promise<boolean> {
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
  return rows[0]?.taken === true;
}

async function openShadow(client: ClientBase, projection: Projection): Promise<Shadow> {
  await dropShadow(client, projection);
  await createShadow(client, projection);
  return emptyShadow(projection);
}

/** Others may rebuild it from now on. */
async function unlock(client: ClientBase, { name }: Projection): Promise<void> {
  await client.query(
    `SELECT pg_advisory_unlock(${REBUILD_LOCK}, number)
     FROM readmodel.projections WHERE name = $1`,
    [name],
  );
}

async function given(
  client: ClientBase,
  { projection }: Shadow,
  error: unknown,
): Promise<RebuildOutcome> {
  await dropShadow(client, projection);
  await unlock(client, projection);
  return { name: projection.name, error };
}

/** Of one that is filled to the head as it was. */
async function finish(
  rebuilding: Rebuilding,
  filling: Filling,
  shadow: Shadow,
  swap: boolean,
  startedMs: number,
): Promise<RebuildOutcome> {
  const { client } = filling;
  const { projection } = shadow;
  const { name } = projection;
  try {
    const comparison = await compare(rebuilding, filling, shadow);
    if (swap) await swapIn(rebuilding, filling, shadow);
    else await dropShadow(client, projection);
    const { position, events } = shadow;
    const seconds = (performance.now() - startedMs) / 1000;
    const done = { name, position, events, seconds, ...(comparison && { comparison }) };
    // One that only compares, as the auditor's do, changes nothing that is shown.
    if (swap) await keepOutcome(client, name, done);
    await unlock(client, projection);
    const fields = { events, seconds, equal: comparison?.equal, swapped: swap };
    rebuilding.log.info({ projection: name, position: `${position}`, ...fields }, 'rebuilt');
    return { name, rebuilt: { ...done, swapped: swap } };
  } catch (error) {
    rebuilding.signal?.throwIfAborted();
    if (mayPass(error) && !isBusy(error)) throw error;
    return given(client, shadow, error);
  }
}

/** How long a live projection that is behind may take to come to where the shadow is. */
const LIVE_MS = 10_000;

async function compare(
  rebuilding: Rebuilding,
  filling: Filling,
  shadow: Shadow,
): Promise<Rebuilt['comparison'] | undefined> {
  const { pool, progress, log } = rebuilding;
  const { client } = filling;
  const { projection } = shadow;
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
  await inTransaction(filling, [shadow], () => fillTo(filling, shadow, live.position));
  const sum = await checksumOfTables(client, name, tables, SHADOW);
  const rebuilt = { ...sum, position: live.position };
  const equal = live.checksum === rebuilt.checksum && live.rows === rebuilt.rows;
  if (!equal) log.warn({ projection: name }, 'the rebuilt rows differ from the live ones');
  return { equal, live, rebuilt };
}

const SWAP_ATTEMPTS_MAX = 20;
const LOCK_NOT_AVAILABLE = '55P03';

const isBusy = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && error.code === LOCK_NOT_AVAILABLE;

/**
 * A reader of minutes must not make all later readers wait behind our lock: rather the swap waits,
 * and is tried again.
 */
async function swapIn(
  { log }: Pick<Rebuilding, 'log'>,
  filling: Filling,
  shadow: Shadow,
): Promise<void> {
  const { client } = filling;
  const { projection } = shadow;
  for (const table of projection.tables)
    await client.query(`ANALYZE readmodel.${table.name}${SHADOW}`);
  for (let attempt = 1; ; attempt++) {
    const [unfilled] = await fillToHead(filling, [shadow]);
    if (unfilled) throw unfilled.error;
    try {
      await inTransaction(filling, [shadow], () => swapOnce(filling, shadow));
      return;
    } catch (error) {
      if (!isBusy(error) || attempt === SWAP_ATTEMPTS_MAX) throw error;
      log.info({ projection: projection.name, attempt }, 'the swap waits for readers');
      await sleep(50 * attempt);
    }
  }
}

async function swapOnce(filling: Filling, shadow: Shadow): Promise<void> {
  const { client } = filling;
  const { projection } = shadow;
  const { name, version } = projection;
  await client.query("SET LOCAL synchronous_commit = 'on'; SET LOCAL lock_timeout = '500ms'");
  const { rows } = await client.query<{ position: bigint }>(
    'SELECT position FROM readmodel.projections WHERE name = $1 FOR UPDATE',
    [name],
  );
  const live = rows[0]?.position ?? START;
  if (live > shadow.position) await fillTo(filling, shadow, live);
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
