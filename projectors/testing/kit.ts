/** The kit of projections' specs: a log, a database, and the facts of a story. */
import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { pino } from 'pino';
import type { AnyEvent } from '../../contracts/events/all.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { ExecutionId, HoldId, OrganizationId } from '../../contracts/ids.js';
import { streamOf, type StreamName } from '../../contracts/streams.js';
import { appendOf } from '../../command-handling/streams.js';
import { openMemoryEventStore } from '../../infra/event-store/testing/memory.js';
import { NO_STREAM, START, type EventStore } from '../../infra/event-store/port.js';
import { openMetrics } from '../../infra/metrics.js';
import { migrate } from '../../infra/postgres/migrate.js';
import { openPool } from '../../infra/postgres/pool.js';
import { checksumOf, type Checksum } from '../../infra/read-store/checksum.js';
import { openProgress, type ProjectionProgress } from '../../infra/read-store/progress.js';
import {
  exportMigrations,
  processingMigrations,
  readModelMigrations,
} from '../../infra/migrations/all.js';
import { qualified, type TableShape } from '../../infra/read-store/table.js';
import { freshDatabase } from '../../infra/postgres/testing/fresh-database.js';
import { advance, loadProjections } from '../engine/running-projections.js';
import type { Projection } from '../engine/projection.js';
import { projections } from '../projections.js';
import type { RunOptions } from '../engine/run-projections.js';

/** A decided fact and where it belongs. */
export type Fact = AnyEvent & { readonly stream: StreamName };

export interface ReadModels {
  readonly url: string;
  readonly pool: Pool;
  readonly progress: ProjectionProgress;
  readonly store: EventStore;
  readonly logged: Record<string, unknown>[];
  append(...facts: Fact[]): Promise<void>;
  events(): Promise<readonly RecordedEvent<AnyEvent>[]>;
  /** Applies the new events, in batches that end behind those numbers of events. */
  project(projection: Projection, ...ends: number[]): Promise<void>;
  rows(table: TableShape | string, order?: string): Promise<readonly unknown[]>;
  checksum(projection: Projection): Promise<Checksum>;
  runOptions(projections: readonly Projection[], store?: EventStore): RunOptions;
  /** As after a migration: no row, no checkpoint. */
  clear(): Promise<void>;
  /** The same, and an empty log. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

const NAMES = projections.map(({ name }) => name);

const STEPS = [...processingMigrations, ...readModelMigrations, ...exportMigrations].sort(
  (one, other) => one.id - other.id,
);

export async function openReadModels(): Promise<ReadModels> {
  const database = await freshDatabase();
  const logged: Record<string, unknown>[] = [];
  const write = (line: string) => void logged.push(JSON.parse(line) as Record<string, unknown>);
  const log = pino({ base: null }, { write });
  const pool = openPool(database.url, { max: 8, applicationName: 'modelroute spec', log });
  await migrate(pool, STEPS);
  const progress = openProgress(pool);
  let store = openMemoryEventStore();
  const { rows: tables } = await pool.query<{ name: string }>(
    "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'readmodel'",
  );
  // Emptying small tables row by row is quicker than truncating them.
  const clearSql = tables.map(({ name }) => `DELETE FROM readmodel.${name}`).join(';');
  const clear = async () => {
    await pool.query(clearSql);
    progress.announce(NAMES, START);
  };
  const events = async () => (await store.readAll(START, 1_000_000)).events;
  return {
    url: database.url,
    pool,
    progress,
    get store() {
      return store;
    },
    logged,
    append: (...facts) => appendFacts(store, facts),
    events,
    async project(projection, ...ends) {
      const [running] = await loadProjections(pool, [projection]);
      if (!running) throw new Error(`${projection.name} is stopped`);
      const all = await events();
      let begin = 0;
      for (const end of [...ends, all.length]) {
        const batch = all.slice(begin, end);
        begin = end;
        const last = batch.at(-1);
        if (last) await advance(pool, [running], { events: batch, position: last.position });
      }
    },
    async rows(table, order = '1') {
      const name = typeof table === 'string' ? table : qualified(table);
      const result = await pool.query(`SELECT * FROM ${name} ORDER BY ${order}`);
      return result.rows.map(plain);
    },
    async checksum({ name }) {
      const sum = await checksumOf(pool, name);
      if (!sum) throw new Error(`${name} is not known`);
      return sum;
    },
    runOptions: (which, other = store) => {
      return { pool, progress, store: other, log, metrics: openMetrics(), projections: which };
    },
    clear,
    async reset() {
      await store.close();
      store = openMemoryEventStore();
      logged.length = 0;
      await clear();
    },
    async close() {
      await store.close();
      await pool.end();
      await database.drop();
    },
  };
}

/** As a person would write it: no nulls, times and amounts as text. */
function plain(row: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(row).flatMap(([name, value]): [string, unknown][] => {
    if (value === null) return [];
    if (value instanceof Date) return [[name, value.toISOString()]];
    return [[name, typeof value === 'bigint' ? `${value}` : value]];
  });
  return Object.fromEntries(entries);
}

/** Neighbours of one stream in one append. */
async function appendFacts(store: EventStore, facts: readonly Fact[]): Promise<void> {
  for (let begin = 0; begin < facts.length;) {
    const stream = facts[begin]?.stream ?? 'account-none';
    const others = facts.findIndex((fact, index) => index > begin && fact.stream !== stream);
    const end = others < 0 ? facts.length : others;
    const events = facts.slice(begin, end).map(({ stream: _, ...event }) => event);
    begin = end;
    const [last] = await store.readStream(stream, { direction: 'backward', limit: 1 });
    const metadata = { actor: 'spec', correlationId: 'spec', causationId: 'spec' };
    const append = appendOf(stream, last?.revision ?? NO_STREAM, events, metadata);
    const [outcome] = await store.append({ appends: [append] });
    if (outcome?.status !== 'appended') throw new Error(`${stream} was not appended to`);
  }
}

/** The moment of a story's `second`. */
export const at = (second: number): string =>
  new Date(Date.UTC(2026, 0, 31, 12, 0, second)).toISOString();

export const ORGANIZATION: OrganizationId = 'org_11111111-1111-4111-8111-111111111111';

const SHA = 'ab'.repeat(32);
export const outputRef = { ref: 'output', sha256: SHA, bytes: 12 };

/** One execution's facts, each made for the second in which it happens. */
export function storyOf(
  organizationId: OrganizationId = ORGANIZATION,
  uuid: string = randomUUID(),
  metadata: Readonly<Record<string, string>> = {},
) {
  const known: Known = {
    uuid,
    organizationId,
    executionId: `exec_${uuid}`,
    holdId: `hold_${uuid}`,
    stream: streamOf('execution', `exec_${uuid}`),
    metadata,
    account: streamOf('account', organizationId),
  };
  const { executionId, holdId, stream, account } = known;
  return {
    executionId,
    holdId,
    stream,
    account,
    ...moneyOf(known),
    ...attemptsOf(known),
    ...endingsOf(known),
  };
}

interface Known {
  readonly uuid: string;
  readonly organizationId: OrganizationId;
  readonly executionId: ExecutionId;
  readonly holdId: HoldId;
  readonly stream: StreamName;
  readonly account: StreamName;
  readonly metadata: Readonly<Record<string, string>>;
}

function moneyOf({ account: stream, organizationId, executionId, holdId }: Known) {
  const money = { organizationId, executionId, holdId };
  return {
    held: (second: number, availableAfter = 990_000n, heldAfter = 10_000n): Fact => ({
      stream,
      type: 'HoldPlaced',
      data: { ...money, generation: 0, amount: 10_000n, availableAfter, heldAfter, at: at(second) },
    }),
    settled: (second: number, availableAfter = 996_000n, heldAfter = 0n): Fact => ({
      stream,
      type: 'HoldSettled',
      data: {
        ...money,
        charged: 4_000n,
        returned: 6_000n,
        overrun: 0n,
        availableAfter,
        heldAfter,
        at: at(second),
      },
    }),
    released: (second: number, availableAfter = 1_000_000n, heldAfter = 0n): Fact => ({
      stream,
      type: 'HoldReleased',
      data: {
        ...money,
        amount: 10_000n,
        reason: 'cancelled',
        availableAfter,
        heldAfter,
        at: at(second),
      },
    }),
  };
}

function attemptsOf({ uuid, organizationId, executionId, stream }: Known) {
  const fact = { executionId, organizationId };
  const onRoute = { ...fact, attempt: 1, provider: 'aurora', route: 'text/aurora' };
  return {
    dispatched: (second: number, attempt = 1): Fact => ({
      stream,
      type: 'ProviderDispatched',
      data: {
        ...onRoute,
        attempt,
        dispatchKey: `${uuid}/1`,
        candidates: [],
        deadline: at(second + 30),
        at: at(second),
      },
    }),
    accepted: (second: number, pollAt?: string): Fact => ({
      stream,
      type: 'ProviderAccepted',
      data: {
        ...fact,
        attempt: 1,
        providerJobId: 'job',
        ...(pollAt && { pollAt }),
        at: at(second),
      },
    }),
    failedOnce: (second: number, notBefore?: string): Fact => ({
      stream,
      type: 'ProviderFailed',
      data: {
        ...onRoute,
        code: 'MODEL_OVERLOADED',
        retryable: true,
        detail: 'busy',
        ...(notBefore && { notBefore }),
        at: at(second),
      },
    }),
    unknown: (second: number): Fact => ({
      stream,
      type: 'ProviderOutcomeUnknown',
      data: { ...onRoute, reason: 'nobody knows', at: at(second) },
    }),
    delivered: (second: number): Fact => ({
      stream,
      type: 'ProviderSucceeded',
      data: {
        ...onRoute,
        output: outputRef,
        usage: {},
        cost: 4_000n,
        providerCost: 2_000n,
        at: at(second),
      },
    }),
  };
}

function endingsOf({ uuid, organizationId, executionId, holdId, stream, metadata }: Known) {
  const fact = { executionId, organizationId };
  const ending = { ...fact, holdId };
  return {
    requested: (second: number, model = 'text-generation-standard'): Fact => ({
      stream,
      type: 'ExecutionRequested',
      data: {
        ...fact,
        apiKeyId: 'key_22222222-2222-4222-8222-222222222222',
        holdId,
        metadata,
        idempotencyKey: uuid,
        bodyHash: 'body',
        model,
        modality: 'text',
        input: { ref: 'input', sha256: SHA, bytes: 9 },
        catalogueVersion: 'v1',
        estimatedCost: 8_000n,
        holdAmount: 10_000n,
        expiresAt: at(second + 300),
        at: at(second),
      },
    }),
    completed: (second: number): Fact => ({
      stream,
      type: 'ExecutionCompleted',
      data: {
        ...ending,
        attempt: 1,
        output: outputRef,
        files: [],
        usage: {},
        summary: { text: 'Rivers meander.' },
        cost: 4_000n,
        providerCost: 2_000n,
        latencyMs: 3_000,
        at: at(second),
      },
    }),
    failed: (second: number): Fact => ({
      stream,
      type: 'ExecutionFailed',
      data: {
        ...ending,
        code: 'GENERATION_FAILED',
        message: 'It failed.',
        retryable: true,
        at: at(second),
      },
    }),
    cancelled: (second: number): Fact => ({
      stream,
      type: 'ExecutionCancelled',
      data: { ...ending, at: at(second) },
    }),
    expired: (second: number): Fact => ({
      stream,
      type: 'ExecutionExpired',
      data: { ...ending, at: at(second) },
    }),
    abandoned: (second: number): Fact => ({
      stream,
      type: 'ExecutionAbandoned',
      data: { ...ending, at: at(second) },
    }),
  };
}

export const deposited = (second: number, organizationId = ORGANIZATION): Fact => ({
  stream: streamOf('account', organizationId),
  type: 'FundsDeposited',
  data: {
    organizationId,
    topUpId: 'first',
    amount: 1_000_000n,
    availableAfter: 1_000_000n,
    heldAfter: 0n,
    at: at(second),
  },
});
