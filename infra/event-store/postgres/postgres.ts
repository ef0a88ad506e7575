/**
 * The event store on PostgreSQL: appends in group commits over one connection, reads over a few
 * others, one live tail of the log for all subscriptions. Its schema is `eventStoreMigrations`.
 */
import { createCodec, type StoreLog } from '../codec.js';
import { createLiveTail, type TailStats } from '../live-tail.js';
import type { EventStore } from '../port.js';
import type { RawLog } from '../raw-log.js';
import { subscribeTo } from '../subscription.js';
import { countedReader, storeCall, typesIn } from '../store-calls.js';
import { encodeUnit } from '../unit.js';
import { openAppendConnection } from './append-connection.js';
import { createAppender, type AppenderStats } from './appender.js';
import { openConnections } from './connections.js';
import { createGroupCommit, type GroupCommitStats } from './group-commit.js';
import { createLogReader } from './log-reader.js';
import { createPollSource } from './poll-source.js';
import { createRawLog } from './raw-log.js';
import { READ_SETTINGS, WRITE_SETTINGS } from './settings.js';
import { createSmallPayloads, type SmallPayloads } from './small-payloads.js';
import { createSnapshots } from './snapshots.js';

interface PostgresEventStoreOptions {
  readonly url: string;
  readonly log: StoreLog;
  /** Past either bound an append is refused with `StoreOverloaded`. */
  readonly queueUnitsMax?: number;
  readonly queueBytesMax?: number;
}

export interface PostgresEventStore extends EventStore {
  readonly smallPayloads: SmallPayloads;
  readonly rawLog: RawLog;
  /** Counted since the store was opened; `queue…` and what the tail holds are of now. */
  stats(): EventStoreStats;
}

interface EventStoreStats {
  readonly commit: GroupCommitStats;
  readonly appender: AppenderStats;
  readonly tail: TailStats;
  readonly unknownTypes: ReadonlyMap<string, number>;
}

/** Nobody waits longer for an answer, whatever happens to the database. */
const TIMEOUT_MS = 1_800;

export function openPostgresEventStore(options: PostgresEventStoreOptions): PostgresEventStore {
  const { url, log, queueUnitsMax = 10_000, queueBytesMax = 64 * 1024 * 1024 } = options;
  const codec = createCodec(log);
  const connections = (connectionsMax: number, settings: string) =>
    openConnections({ url, log, connectionsMax, settings, timeoutMs: TIMEOUT_MS });
  const reading = connections(3, READ_SETTINGS);
  const scanning = connections(2, READ_SETTINGS);
  const writing = connections(1, WRITE_SETTINGS);
  const reader = countedReader(createLogReader(reading, scanning));
  const source = createPollSource(reader);
  const tail = createLiveTail({ reader, source, codec, log });
  const connection = openAppendConnection({ url, statementTimeoutMs: TIMEOUT_MS });
  const appender = createAppender({
    connection,
    log,
    onLanded(previous, rows) {
      if (tail.landed(previous, rows) === undefined) source.missed();
      else source.followed();
    },
    onMoved() {
      source.missed();
      tail.refresh();
    },
  });
  const commit = createGroupCommit({
    write: (units, deadline) =>
      storeCall(
        'append',
        () => units.flatMap(({ appends }) => typesIn(appends)),
        () => appender.write(units, deadline),
      ),
    queueUnitsMax,
    queueBytesMax,
    timeoutMs: TIMEOUT_MS,
  });
  const snapshots = createSnapshots(reading, writing);
  let closing: Promise<void> | undefined;

  async function close(): Promise<void> {
    tail.close();
    await commit.drain();
    await Promise.all([connection, reading, scanning, writing].map((one) => one.close()));
  }

  return {
    async append(unit) {
      return commit.submit(encodeUnit(codec, unit));
    },
    async readStream(stream, readOptions = {}) {
      const recent = tail.recent(stream, readOptions);
      return recent ?? tail.eventsOf(await reader.stream(stream, readOptions));
    },
    readAll: (after, limit, filter = {}) => tail.page(after, limit, filter),
    readAt: async (places) => (await reader.at(places)).flatMap((row) => codec.decode(row) ?? []),
    subscribe: (after, filter, signal) => subscribeTo(tail, after, filter, signal),
    head: () => reader.head(),
    readSnapshot: (stream) => snapshots.read(stream),
    writeSnapshot: (stream, snapshot) => snapshots.write(stream, snapshot),
    smallPayloads: createSmallPayloads(reading, writing, commit),
    rawLog: createRawLog(reader, commit),
    stats: () => ({
      commit: commit.stats,
      appender: appender.stats,
      tail: tail.stats,
      unknownTypes: codec.unknownTypes,
    }),
    close: () => (closing ??= close()),
  };
}
