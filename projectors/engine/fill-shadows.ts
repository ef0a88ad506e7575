/**
 * Fills the tables of rebuilds over one connection. Those at one position are filled together: the
 * log is read and decoded once for all of them, and each batch is one transaction. One that cannot
 * take an event is left behind there, and the others go on without it.
 */
import type { PoolClient } from 'pg';
import { InvalidEvent } from '../../infra/event-store/codec.js';
import { START, type EventStore, type Position } from '../../infra/event-store/port.js';
import { readToHead } from '../../infra/event-store/read-log.js';
import { mayPass } from './failures.js';
import type { Projection } from './projection.js';
import { fullPace, type RebuildPace } from './rebuild-pace.js';
import { keepProgress } from './rebuild-progress.js';
import { openRowCache, type RowCache } from './row-cache.js';
import { foldAndWrite, type EventBatch } from './running-projections.js';
import { SHADOW } from './shadow.js';

/** The tables of one projection; `position` and `events` move only with a commit. */
export interface Shadow {
  readonly projection: Projection;
  readonly rowCache: RowCache;
  position: Position;
  /** Of the projection's types. */
  events: number;
}

export interface Filling {
  readonly client: PoolClient;
  readonly store: EventStore;
  readonly pace?: RebuildPace;
  readonly signal?: AbortSignal;
  readonly onBatch: (shadows: readonly Shadow[]) => void;
}

export interface Unfilled {
  readonly shadow: Shadow;
  readonly error: unknown;
}

export const emptyShadow = (projection: Projection): Shadow => ({
  projection,
  rowCache: openRowCache(),
  position: START,
  events: 0,
});

/**
 * Shadows at one position, to the head or to an event that some of them cannot take, which are
 * answered: the others may go on. Throws what may pass.
 */
export async function fillToHead(
  filling: Filling,
  shadows: readonly Shadow[],
): Promise<readonly Unfilled[]> {
  const { pace = fullPace, signal } = filling;
  try {
    for await (const batch of batchesFor(filling, shadows)) {
      const beganMs = performance.now();
      const unfilled = await fillBatch(filling, shadows, batch);
      if (unfilled.length > 0) return unfilled;
      await pace.rest(performance.now() - beganMs, signal);
    }
    return [];
  } catch (error) {
    const unfilled = error instanceof InvalidEvent ? withoutReading(error, shadows) : [];
    if (unfilled.length === 0) throw error;
    return unfilled;
  }
}

/** One alone, to exactly that position, at or after which the log's head is. */
export async function fillTo(filling: Filling, shadow: Shadow, end: Position): Promise<void> {
  for await (const batch of batchesFor(filling, [shadow])) {
    const events = batch.events.filter(({ position }) => position <= end);
    const isLast = batch.position >= end;
    await fill(filling, [shadow], { events, position: isLast ? end : batch.position });
    if (isLast) return;
  }
}

/** After a rollback the shadows are where they were, and their cached rows are void. */
export async function inTransaction(
  { client, onBatch }: Filling,
  shadows: readonly Shadow[],
  work: () => Promise<void>,
): Promise<void> {
  const before = shadows.map(({ position, events }) => ({ position, events }));
  try {
    await client.query('BEGIN');
    await work();
    await keepProgress(client, shadows);
    await client.query('COMMIT');
    onBatch(shadows);
  } catch (error) {
    for (const [index, shadow] of shadows.entries()) {
      Object.assign(shadow, before[index]);
      shadow.rowCache.clear();
    }
    await client.query('ROLLBACK');
    throw error;
  }
}

/** Who reads that event, which cannot be decoded. */
const withoutReading = (error: InvalidEvent, shadows: readonly Shadow[]): readonly Unfilled[] =>
  shadows
    .filter(({ projection }) =>
      (projection.types as ReadonlySet<string>).has(error.row?.type ?? ''),
    )
    .map((shadow) => ({ shadow, error }));

/** What any of the shadows takes, from their position to the head. */
async function* batchesFor(
  { store, signal, pace = fullPace }: Filling,
  shadows: readonly Shadow[],
) {
  const types = [...new Set(shadows.flatMap(({ projection }) => [...projection.types]))];
  const from = shadows[0]?.position ?? START;
  for await (const batch of readToHead(store, from, pace.batchEvents, { types })) {
    signal?.throwIfAborted();
    yield batch;
  }
}

/** Where they cannot be filled together, each is alone, so that those are found that cannot be. */
async function fillBatch(
  filling: Filling,
  shadows: readonly Shadow[],
  batch: EventBatch,
): Promise<readonly Unfilled[]> {
  try {
    await inTransaction(filling, shadows, () => fill(filling, shadows, batch));
    return [];
  } catch (error) {
    if (mayPass(error)) throw error;
    const [only, ...others] = shadows;
    if (only && others.length === 0) return [{ shadow: only, error }];
  }
  const unfilled: Unfilled[] = [];
  for (const shadow of shadows) unfilled.push(...(await fillBatch(filling, [shadow], batch)));
  return unfilled;
}

async function fill(
  { client }: Filling,
  shadows: readonly Shadow[],
  { events, position }: EventBatch,
): Promise<void> {
  const folds = await foldAndWrite(client, shadows, events, SHADOW);
  for (const [index, shadow] of shadows.entries()) {
    folds[index]?.cacheRows();
    shadow.events += folds[index]?.events ?? 0;
    shadow.position = position;
  }
}
