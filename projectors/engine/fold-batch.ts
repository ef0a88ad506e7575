/** One batch of one projection: the rows it reads are loaded at once, then the events folded. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ClientBase, Pool } from 'pg';
import type { AnyEvent } from '../../contracts/events/all.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import {
  columnsOf,
  qualified,
  selectList,
  type Row,
  type Table,
  type TableShape,
} from '../../infra/read-store/table.js';
import type { RowCache } from './row-cache.js';
import type { Batch, Plan, Projection, Rows } from './projection.js';
import { HandlerFailed } from './failures.js';
import { openRowSet, type RowSet } from './row-set.js';
import { statementsFor, type Statement } from './write-rows.js';

export interface Folded {
  readonly statements: readonly Statement[];
  /** So many were of the projection's types. */
  readonly events: number;
  /** To be called once the statements are committed, and only then. */
  cacheRows(): void;
}

/**
 * Throws `HandlerFailed` for what the events cannot be made into. The rows are those of tables with
 * the suffix; the caller runs the statements only if no other process changed the rows since.
 */
export async function foldBatch(
  db: Pick<Pool, 'query'> | ClientBase,
  projection: Projection,
  events: readonly RecordedEvent<AnyEvent>[],
  rowCache: RowCache,
  suffix = '',
): Promise<Folded> {
  const sets = new Map<TableShape, RowSet>();
  for (const table of projection.tables) sets.set(table, openRowSet(table));
  const of = (table: TableShape): RowSet => {
    const set = sets.get(table);
    if (!set) throw new Error(`${projection.name} has no table ${table.name}`);
    return set;
  };
  const wanted = events.filter(({ type }) => projection.types.has(type));
  await load(db, { projection, events: wanted, rowCache, suffix }, of);
  const batch: Batch = {
    of: <K, V extends K>(table: Table<K, V>) => of(table) as unknown as Rows<K, V>,
  };
  await handleAll(projection, wanted, batch);
  const statements = guarded(() =>
    [...sets.values()].flatMap((set) => statementsFor(set.changes(), suffix)),
  );
  return {
    statements,
    events: wanted.length,
    cacheRows: () => {
      for (const [table, set] of sets) rowCache.put(table, set.settled());
    },
  };
}

/** Others have their turn meanwhile: a large batch keeps nobody waiting. */
const EVENTS_A_TURN = 500;

async function handleAll(
  projection: Projection,
  events: readonly RecordedEvent<AnyEvent>[],
  batch: Batch,
): Promise<void> {
  for (let from = 0; from < events.length; from += EVENTS_A_TURN) {
    if (from > 0) await nextTurn();
    guarded(() => {
      for (const event of events.slice(from, from + EVENTS_A_TURN)) projection.handle(event, batch);
    });
  }
}

interface Load {
  readonly projection: Projection;
  readonly events: readonly RecordedEvent<AnyEvent>[];
  readonly rowCache: RowCache;
  readonly suffix: string;
}

async function load(
  db: Pick<Pool, 'query'> | ClientBase,
  { projection, events, rowCache, suffix }: Load,
  of: (table: TableShape) => RowSet,
): Promise<void> {
  const missing = new Map<TableShape, Set<string>>();
  const created = new Set<string>();
  const plan: Plan = {
    creates: (table, key) => void created.add(`${table.name}/${idIn(table, key)}`),
    reads: (table, key) => {
      const id = idIn(table, key);
      const set = of(table);
      if (set.isKnown(id) || created.has(`${table.name}/${id}`)) return;
      const cached = rowCache.get(table, id);
      if (cached !== undefined) set.know(id, cached);
      else missing.set(table, (missing.get(table) ?? new Set()).add(id));
    },
  };
  guarded(() => {
    for (const event of events) projection.plan(event, plan);
  });
  for (const [table, ids] of missing) {
    const found = await select(db, table, ids, suffix);
    for (const id of ids) of(table).know(id, found.get(id));
  }
}

function idIn<K, V extends K>({ name, idOf }: Table<K, V>, key: K): string {
  if (!idOf) throw new Error(`rows of ${name} are only ever inserted`);
  return idOf(key);
}

async function select(
  db: Pick<Pool, 'query'> | ClientBase,
  table: TableShape,
  ids: ReadonlySet<string>,
  suffix: string,
): Promise<ReadonlyMap<string, unknown>> {
  const { read } = table;
  const [key, ...more] = table.key;
  if (!read || !key || more.length > 0) throw new Error(`${table.name} cannot be read by its key`);
  const { rows } = await db.query<Row>({
    name: `project: load ${table.name}${suffix}`,
    text: `
      SELECT ${selectList(columnsOf(table))} FROM ${qualified(table, suffix)}
      WHERE ${key.name} = ANY ($1)`,
    values: [[...ids]],
  });
  return guarded(() => new Map(rows.map((row) => [row[key.name] as string, read(row)])));
}

function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new HandlerFailed(error);
  }
}
