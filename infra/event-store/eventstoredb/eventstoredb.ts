/**
 * The event store on EventStoreDB (KurrentDB): appends to streams, many at once; reads; one live
 * tail of the log for all subscriptions of the process. Payloads and snapshots are stored in
 * PostgreSQL; a unit's payloads are durable there before its events are sent.
 */
import { performance } from 'node:perf_hooks';
import { createCodec, InvalidEvent, type StoreLog } from '../codec.js';
import { createLiveTail, type TailStats } from '../live-tail.js';
import {
  StoreOverloaded,
  StoreUnavailable,
  type AppendOutcome,
  type AppendUnit,
  type EventStore,
} from '../port.js';
import type { RawLog } from '../raw-log.js';
import { openSideTables, type SideTables } from '../postgres/side-tables.js';
import type { SmallPayloads } from '../postgres/small-payloads.js';
import { subscribeTo } from '../subscription.js';
import { countedReader, storeCall, typesIn } from '../store-calls.js';
import { encodeUnit, type EncodedAppend, type EncodedUnit } from '../unit.js';
import { APPEND_BYTES_MAX, countedBytes } from './append-message.js';
import { createAppender, type Appender, type AppenderStats } from './appender.js';
import { connectLog } from './client.js';
import { parseConnectionString } from './connection-string.js';
import { openLogEnd, type LogEnd } from './log-end.js';
import { expectWelcome } from './greeting.js';
import { createLogReader } from './log-reader.js';
import { createPushSource, type PushSource } from './push-source.js';
import { createRawLog } from './raw-log.js';
import { openSentEvents } from './sent-events.js';

interface EventStoreDbOptions {
  /** `esdb://…` or `kurrentdb://…` */
  readonly url: string;
  /** The PostgreSQL that keeps payloads and snapshots; migrated with `eventStoreMigrations`. */
  readonly databaseUrl: string;
  readonly log: StoreLog;
  /** Past either bound an append is refused with `StoreOverloaded`. */
  readonly queueUnitsMax?: number;
  readonly queueBytesMax?: number;
}

export interface EventStoreDb extends EventStore {
  /** Rejects with a `StartError` that says why the server does not answer, or refuses. */
  expectWelcome(): Promise<void>;
  readonly smallPayloads: SmallPayloads;
  readonly rawLog: RawLog;
  /** Counted since the store was opened; `queue…`, `inFlight` and so on are of now. */
  stats(): EventStoreDbStats;
}

interface EventStoreDbStats {
  readonly units: number;
  readonly events: number;
  readonly queueUnits: number;
  readonly queueBytes: number;
  readonly overloads: number;
  readonly appender: AppenderStats;
  readonly tail: TailStats;
  readonly subscription: PushSource['stats'];
  readonly unknownTypes: ReadonlyMap<string, number>;
}

/**
 * Nobody waits longer for an answer, whatever happens to the servers: a caller is answered within
 * two seconds. What is shorter than 1.8 s costs nobody an answer.
 */
const TIMEOUT_MS = 1_930;

/**
 * A stall may take most of a unit's time before the primary append is answered. The dependent ones
 * have so much from then on, or what is left of the unit's time where that is more:
 *
 *   primary ──stall of 1.5 s──► landed, 400 ms left ──► dependent, 900 ms ──► answered
 *
 * So only a second stall costs an answer, and such a caller waits for 2.8 s at most.
 */
const DEPENDENT_MS_MIN = 900;

/** A start may fall into an election. */
const WELCOME_MS = 5_000;

export function openEventStoreDb(options: EventStoreDbOptions): EventStoreDb {
  const { url, databaseUrl, log } = options;
  const { queueUnitsMax = 10_000, queueBytesMax = 64 * 1024 * 1024 } = options;
  const bounds = { queueUnitsMax, queueBytesMax, timeoutMs: TIMEOUT_MS };
  const codec = createCodec(log);
  const client = connectLog(url);
  const side = openSideTables({ url: databaseUrl, log, ...bounds });
  const end = openLogEnd(client, TIMEOUT_MS);
  const reader = countedReader(createLogReader(client, end, TIMEOUT_MS));
  const sent = openSentEvents();
  const source = createPushSource(client, end, (row) => sent.recognised(row));
  const tail = createLiveTail({ reader, source, codec, log });
  const appender = createAppender({ client, log, sent });
  const stats = { units: 0, events: 0, queueUnits: 0, queueBytes: 0, overloads: 0 };
  let closing: Promise<void> | undefined;
  let emptied: (() => void) | undefined;

  async function close(): Promise<void> {
    tail.close();
    if (stats.queueUnits > 0) await new Promise<void>((resolve) => (emptied = resolve));
    await client.close();
    await side.close();
  }

  return {
    async append(unit) {
      const encoded = encodeUnit(codec, unit);
      encoded.appends.forEach(checkSize);
      if (closing) throw new StoreUnavailable('the event store is closed');
      const bytes = stats.queueBytes + encoded.bytes;
      if (stats.queueUnits >= queueUnitsMax || bytes > queueBytesMax) {
        stats.overloads++;
        throw new StoreOverloaded();
      }
      stats.queueUnits++;
      stats.queueBytes = bytes;
      try {
        const outcomes = await landUnit(unit, encoded, side, appender);
        noteEnd(end, outcomes);
        stats.units++;
        stats.events += encoded.events;
        return outcomes;
      } finally {
        stats.queueBytes -= encoded.bytes;
        if (--stats.queueUnits === 0) emptied?.();
      }
    },
    async readStream(stream, readOptions = {}) {
      const recent = tail.recent(stream, readOptions);
      return recent ?? tail.eventsOf(await reader.stream(stream, readOptions));
    },
    readAll: (after, limit, filter = {}) => tail.page(after, limit, filter),
    readAt: async (places) => (await reader.at(places)).flatMap((row) => codec.decode(row) ?? []),
    subscribe: (after, filter, signal) => subscribeTo(tail, after, filter, signal),
    head: () => reader.head(),
    expectWelcome: () => expectWelcome(client, parseConnectionString(url), log, WELCOME_MS),
    readSnapshot: (stream) => side.snapshots.read(stream),
    writeSnapshot: (stream, snapshot) => side.snapshots.write(stream, snapshot),
    smallPayloads: side.smallPayloads,
    rawLog: createRawLog(reader, client),
    stats: () => ({
      ...stats,
      appender: appender.stats,
      tail: tail.stats,
      subscription: { ...source.stats },
      unknownTypes: codec.unknownTypes,
    }),
    close: () => (closing ??= close()),
  };
}

function noteEnd(end: LogEnd, outcomes: readonly AppendOutcome[]): void {
  for (const outcome of outcomes) if (outcome.status === 'appended') end.saw(outcome.position);
}

/** Before anything of a unit is sent: else its primary append might land without the others. */
function checkSize(append: EncodedAppend): void {
  const bytes = countedBytes(append);
  if (bytes <= APPEND_BYTES_MAX) return;
  const { stream, events } = append;
  throw new InvalidEvent(
    `${stream}: an append may have ${APPEND_BYTES_MAX} bytes, and these ${events.length} events ` +
      `have ${bytes}`,
  );
}

/** Payloads that the primary append does not name are written beside it. */
async function landUnit(
  { isPrimaryPlain, onPrimaryLanded }: AppendUnit,
  { appends, payloads }: EncodedUnit,
  side: SideTables,
  appender: Appender,
): Promise<readonly AppendOutcome[]> {
  let deadline = performance.now() + TIMEOUT_MS;
  const append = (one: EncodedAppend) =>
    storeCall(
      'append',
      () => typesIn([one]),
      () => appender.append(one, deadline),
    );
  const [primary, ...dependent] = appends;
  const kept = payloads.length > 0 ? side.keep(payloads) : undefined;
  kept?.catch(() => undefined); // where the primary append fails first, that is the answer
  if (!isPrimaryPlain || !primary) await kept;
  if (!primary) return [];
  const first = await append(primary);
  if (first.status !== 'appended')
    return [first, ...dependent.map((): AppendOutcome => ({ status: 'skipped' }))];
  onPrimaryLanded?.();
  deadline = Math.max(deadline, performance.now() + DEPENDENT_MS_MIN);
  await kept;
  const rest = await landDependent(dependent, append);
  return [first, ...rest];
}

/** Beside one another, but in their order where they meet on a stream; every one is waited for. */
async function landDependent(
  appends: readonly EncodedAppend[],
  land: (append: EncodedAppend) => Promise<AppendOutcome>,
): Promise<readonly AppendOutcome[]> {
  const ends = new Map<string, Promise<AppendOutcome>>();
  const landing = appends.map((append) => {
    const before = ends.get(append.stream);
    const outcome = before ? before.then(() => land(append)) : land(append);
    ends.set(append.stream, outcome);
    return outcome;
  });
  const settled = await Promise.allSettled(landing);
  return settled.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
}
