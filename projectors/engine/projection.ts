/**
 * A projection is a handler table: what each event means for its rows. Handlers see the rows of a
 * whole batch and change them in memory; the runner loads and writes them and keeps the checkpoint.
 *
 * A fold of the same events gives the same rows wherever batches end, so handlers use nothing but
 * the event and the rows they read.
 */
import type { AnyEvent } from '../../contracts/events/all.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { Table, TableShape } from '../../infra/read-store/table.js';

/** The rows of one table during a batch. */
export interface Rows<K, V> {
  /** Throws for a row that the projection's `plan` did not name. */
  get(key: K): V | undefined;
  /** The row is new with this event. */
  create(value: V): void;
  /** The row is so from now on, whether it was there or not. */
  put(value: V): void;
  remove(key: K): void;
  /** Its `sums` are added to those of the row, which need not be there and is not read. */
  add(value: V): void;
  /** No later event reads the row. */
  release(key: K): void;
}

export interface Batch {
  of<K, V extends K>(table: Table<K, V>): Rows<K, V>;
}

type Recorded<E extends AnyEvent> = RecordedEvent<E>;

type Handlers<E extends AnyEvent> = {
  readonly [T in E['type']]?: (event: Recorded<Extract<E, { type: T }>>, batch: Batch) => void;
};

/** The rows that an event's handler needs, so that those of a batch are loaded in one query. */
export interface Plan {
  reads<K, V extends K>(table: Table<K, V>, key: K): void;
  /** Later events of the batch that read the row need not have it loaded. */
  creates<K, V extends K>(table: Table<K, V>, key: K): void;
}

export interface Projection {
  readonly name: string;
  /** Grows with each change of the fold or columns; a smaller one in the database is rebuilt. */
  readonly version: number;
  readonly tables: readonly TableShape[];
  readonly types: ReadonlySet<AnyEvent['type']>;
  plan(event: RecordedEvent<AnyEvent>, plan: Plan): void;
  handle(event: RecordedEvent<AnyEvent>, batch: Batch): void;
}

interface Definition<E extends AnyEvent> {
  readonly version: number;
  readonly tables: readonly TableShape[];
  /** Absent where handlers read no row. */
  readonly plan?: (event: Recorded<E>, plan: Plan) => void;
}

export function projection<E extends AnyEvent>(
  name: string,
  { version, tables, plan }: Definition<E>,
  handlers: Handlers<E>,
): Projection {
  type Handle = (event: RecordedEvent<AnyEvent>, batch: Batch) => void;
  const byType = new Map(Object.entries(handlers)) as unknown as Map<string, Handle>;
  return {
    name,
    version,
    tables,
    types: new Set(byType.keys()) as unknown as ReadonlySet<AnyEvent['type']>,
    plan: (event, into) => plan?.(event as Recorded<E>, into),
    handle: (event, batch) => byType.get(event.type)?.(event, batch),
  };
}
