/** What the suite is written with: units, facts, and readers that always end. */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { AnyEvent } from '../../../../contracts/events/all.js';
import type { NewEvent, RecordedEvent } from '../../../../contracts/events/envelope.js';
import type { OrganizationId } from '../../../../contracts/ids.js';
import { streamOf, type Category, type StreamName } from '../../../../contracts/streams.js';
import { eventually } from '../../../../testing/eventually.js';
import { skip } from '../../../../testing/skip.js';
import type { StoreLog } from '../../codec.js';
import {
  NO_STREAM,
  type AppendOutcome,
  type AppendUnit,
  type EventStore,
  type LogBatch,
  type LogFilter,
  type Position,
} from '../../port.js';
import type { Harness, OpenHarness, Reason } from './harness.js';

type Fact = NewEvent<AnyEvent>;
type Recorded = RecordedEvent<AnyEvent>;

export const AT = '2026-01-01T00:00:00.000Z';

export const newStream = (category: Category = 'organization'): StreamName =>
  streamOf(category, `org_${randomUUID()}`);

export const metadata = {
  $correlationId: 'correlation',
  $causationId: 'causation',
  actor: 'processor:suite',
  schemaVersion: 1,
  time: AT,
};

const organizationId: OrganizationId = `org_${randomUUID()}`;

/** An event whose name may be any text. */
export function created(name = 'acme'): Fact {
  const data = { organizationId, name, at: AT };
  return { id: randomUUID(), type: 'OrganizationCreated', data, metadata };
}

export const named = (count: number, prefix = 'n'): Fact[] =>
  Array.from({ length: count }, (_, n) => created(`${prefix}${n}`));

export function deposited(amount: bigint): Fact {
  const data = {
    organizationId,
    topUpId: 't',
    amount,
    availableAfter: amount,
    heldAfter: 0n,
    at: AT,
  };
  return { id: randomUUID(), type: 'FundsDeposited', data, metadata };
}

export const adding = (
  stream: StreamName,
  expectedRevision: number,
  ...events: Fact[]
): AppendUnit['appends'][number] => ({ stream, expectedRevision, events });

export const unitOf = (
  stream: StreamName,
  expectedRevision: number,
  ...events: Fact[]
): AppendUnit => ({ appends: [adding(stream, expectedRevision, ...events)] });

/** Appends to the end of a new stream, or fails. */
export async function land(store: EventStore, stream: StreamName, ...events: Fact[]) {
  const [outcome] = await store.append(unitOf(stream, NO_STREAM, ...events));
  return landed(outcome);
}

export function landed(outcome: AppendOutcome | undefined) {
  if (outcome?.status !== 'appended') throw new Error(`not appended: ${JSON.stringify(outcome)}`);
  return outcome;
}

export const idsOf = (events: readonly { readonly id: string }[]): string[] =>
  events.map(({ id }) => id);

export const statuses = (outcomes: readonly AppendOutcome[]): string[] =>
  outcomes.map(({ status }) => status);

/** Everything behind a position, page by page. */
export async function readToEnd(
  store: EventStore,
  after: Position,
  filter: LogFilter = {},
  pageEvents = 100,
): Promise<Recorded[]> {
  const events: Recorded[] = [];
  for (let position = after; ;) {
    const batch = await store.readAll(position, pageEvents, filter);
    expect(batch.position >= position).to.equal(true);
    expect(batch.events.length).to.be.at.most(pageEvents);
    events.push(...batch.events);
    if (batch.caughtUp) return events;
    position = batch.position;
  }
}

/** A subscription that collects in the background until it is stopped. */
export interface Follower {
  readonly batches: LogBatch[];
  readonly events: Recorded[];
  /** Until so many events have come; fails after the deadline. */
  has(count: number, deadlineMs?: number): Promise<void>;
  /** Aborts, and waits for the end; throws what the subscription threw. */
  stop(): Promise<void>;
}

export function followed(
  store: EventStore,
  after: Position,
  filter: LogFilter = {},
  onBatch?: (batch: LogBatch) => Promise<void>,
): Follower {
  const aborting = new AbortController();
  const batches: LogBatch[] = [];
  const events: Recorded[] = [];
  const end = (async () => {
    for await (const batch of store.subscribe(after, filter, aborting.signal)) {
      batches.push(batch);
      events.push(...batch.events);
      await onBatch?.(batch);
    }
  })();
  end.catch(() => undefined);
  return {
    batches,
    events,
    has: async (count, deadlineMs) => {
      await eventually(`${count} events`, () => events.length >= count, deadlineMs);
    },
    async stop() {
      aborting.abort();
      await end;
    },
  };
}

/** One harness for a group of cases; streams are new in each case, so that none sees another's. */
export interface Bench {
  harness: Harness;
  store: EventStore;
  /** What the store reported while the case ran. */
  reports: string[];
  /** Another store over the same log, closed after the group. */
  another(options?: { readonly queueUnitsMax: number }): Promise<EventStore>;
}

/** Opens it before the group's cases, and closes it behind them. */
export function bench(open: OpenHarness): Bench {
  const others: EventStore[] = [];
  const it = {} as Bench;
  const report = (_: object, message: string) => void it.reports.push(message);
  const log: StoreLog = { warn: report, error: report };
  before(async () => {
    it.reports = [];
    it.harness = await open(log);
    it.store = it.harness.store;
    it.another = async (options) => {
      const other = await it.harness.openAnother(options);
      others.push(other);
      return other;
    };
  });
  beforeEach(() => void (it.reports.length = 0));
  after(async () => {
    await Promise.all(others.map((other) => other.close()));
    await it.harness?.close();
  });
  return it;
}

/** What the adapter offers for a case; without it the case is skipped, and says why. */
export function offered<T extends object>(test: Mocha.Context, offer: T | Reason): T {
  return typeof offer === 'string' ? skip(test, offer) : offer;
}
