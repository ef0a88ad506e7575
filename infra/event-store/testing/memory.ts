/** The event store in memory: exact, gone with the process. Several stores may share a log. */
import { createCodec, type LogRow, type StoreLog } from '../codec.js';
import { batchOf, decodedRow, rowAt, type DecodedRow } from '../decoded-rows.js';
import {
  NO_STREAM,
  START,
  StoreOverloaded,
  StoreUnavailable,
  type AppendOutcome,
  type EventStore,
  type ReadStreamOptions,
  type Snapshot,
} from '../port.js';
import { subscribeTo, type SubscribedLog } from '../subscription.js';
import { encodeUnit, type EncodedAppend, type EncodedUnit } from '../unit.js';

interface MemoryLog {
  readonly rows: DecodedRow[];
  readonly streams: Map<string, DecodedRow[]>;
  readonly payloads: Map<string, Buffer>;
  readonly snapshots: Map<string, Snapshot>;
  readonly subscribers: Set<() => void>;
}

export function createMemoryLog(): MemoryLog {
  return {
    rows: [],
    streams: new Map(),
    payloads: new Map(),
    snapshots: new Map(),
    subscribers: new Set(),
  };
}

interface MemoryEventStoreOptions {
  readonly log?: StoreLog;
  readonly memory?: MemoryLog;
  readonly queueUnitsMax?: number;
}

export function openMemoryEventStore(options: MemoryEventStoreOptions = {}): EventStore {
  const { log = SILENT, memory = createMemoryLog(), queueUnitsMax = 10_000 } = options;
  const codec = createCodec(log);
  const { rows, streams, snapshots, subscribers } = memory;
  let waiting = 0;
  let closed = false;

  const subscribed: SubscribedLog = {
    join(notify) {
      subscribers.add(notify);
      return () => subscribers.delete(notify);
    },
    read: (after, limit, filter) => batchOf(rows, after, headOf(rows), limit, filter),
    get closed() {
      return closed;
    },
  };

  return {
    async append(unit) {
      if (closed) throw new StoreUnavailable('the event store is closed');
      const encoded = encodeUnit(codec, unit);
      if (waiting >= queueUnitsMax) throw new StoreOverloaded();
      waiting++;
      await new Promise<void>((resolve) => setImmediate(resolve));
      waiting--;
      const outcomes = appendUnit(memory, encoded, (row) => decodedRow(codec, row));
      for (const notify of subscribers) notify();
      return outcomes;
    },
    async readStream(stream, readOptions = {}) {
      return select(streams.get(stream) ?? [], readOptions).flatMap(
        (decoded) => decoded.event() ?? [],
      );
    },
    async readAll(after, limit, filter = {}) {
      return subscribed.read(after, limit, filter);
    },
    async readAt(places) {
      return places.flatMap(({ position }) => rowAt(rows, position)?.event() ?? []);
    },
    subscribe: (after, filter, signal) => subscribeTo(subscribed, after, filter, signal),
    async head() {
      return headOf(rows);
    },
    async readSnapshot(stream) {
      return snapshots.get(stream);
    },
    async writeSnapshot(stream, snapshot) {
      const old = snapshots.get(stream);
      if (old && old.version === snapshot.version && old.revision > snapshot.revision) return;
      snapshots.set(stream, { ...snapshot, state: snapshot.state.toString() });
    },
    async close() {
      closed = true;
      for (const notify of subscribers) notify();
    },
  };
}

const SILENT: StoreLog = { warn: () => undefined, error: () => undefined };

const headOf = (rows: readonly DecodedRow[]) => rows.at(-1)?.row.position ?? START;

function appendUnit(memory: MemoryLog, unit: EncodedUnit, enter: (row: LogRow) => DecodedRow) {
  const outcomes: AppendOutcome[] = [];
  for (const append of unit.appends) {
    const refused = outcomes[0] && outcomes[0].status !== 'appended';
    outcomes.push(refused ? { status: 'skipped' } : appendStream(memory, append, enter));
  }
  if (outcomes[0]?.status === 'appended')
    for (const { ref, bytes } of unit.payloads)
      if (!memory.payloads.has(ref)) memory.payloads.set(ref, Buffer.from(bytes));
  return outcomes;
}

function appendStream(
  { rows, streams }: MemoryLog,
  { stream, expectedRevision, events }: EncodedAppend,
  enter: (row: LogRow) => DecodedRow,
): AppendOutcome {
  const history = streams.get(stream) ?? [];
  const actualRevision = history.length - 1;
  if (actualRevision !== expectedRevision) {
    const there = history.slice(expectedRevision + 1, expectedRevision + 1 + events.length);
    const repeated =
      there.length === events.length && there.every(({ row }, n) => row.id === events[n]?.id);
    const last = there.at(-1)?.row;
    if (!repeated || !last) return { status: 'conflict', actualRevision };
    return { status: 'appended', revision: last.revision, position: last.position };
  }
  let [position, revision] = [headOf(rows), expectedRevision];
  for (const event of events) {
    const { id, type, data, metadata } = event;
    const row = { id, type, data, metadata, stream, revision: ++revision, position: ++position };
    const decoded = enter(row);
    rows.push(decoded);
    history.push(decoded);
  }
  if (actualRevision === NO_STREAM) streams.set(stream, history);
  return { status: 'appended', revision, position };
}

function select(history: readonly DecodedRow[], options: ReadStreamOptions): readonly DecodedRow[] {
  const { direction = 'forward', limit = Infinity } = options;
  if (direction === 'forward') {
    const from = Math.max(0, options.fromRevision ?? 0);
    return history.slice(from, from + limit);
  }
  const end = Math.min(options.fromRevision ?? Infinity, history.length - 1) + 1;
  return history.slice(Math.max(0, end - limit), Math.max(0, end)).reverse();
}
