/** For the specs of account writers: a store that counts what is asked of it, and commands. */
import { randomUUID } from 'node:crypto';
import type { AccountEvent } from '../../contracts/events/account.js';
import type { ExecutionRequested } from '../../contracts/events/execution.js';
import {
  executionIdOf,
  type ExecutionId,
  type HoldId,
  type OrganizationId,
} from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { openMemoryEventStore, createMemoryLog } from '../../infra/event-store/testing/memory.js';
import { NO_STREAM, type AppendUnit, type EventStore } from '../../infra/event-store/port.js';
import { openPostgresHarness } from '../../infra/event-store/postgres/testing/harness.js';
import type { DependentAppend, QueuedCommand } from '../accounts/decide-batch.js';
import type { CommandMetadata } from '../command-metadata.js';
import { appendOf } from '../streams.js';

export interface Stores {
  readonly store: EventStore;
  /** As another process has it. */
  another(): Promise<EventStore>;
  close(): Promise<void>;
}

const silent = { warn: () => undefined, error: () => undefined };

export const kindsOfStores: Readonly<Record<string, () => Promise<Stores>>> = {
  async memory() {
    const memory = createMemoryLog();
    return {
      store: openMemoryEventStore({ memory }),
      another: async () => openMemoryEventStore({ memory }),
      close: async () => undefined,
    };
  },
  async postgres() {
    const harness = await openPostgresHarness(silent);
    const others: EventStore[] = [];
    return {
      store: harness.store,
      async another() {
        const other = await harness.openAnother({ queueUnitsMax: 10_000 });
        others.push(other);
        return other;
      },
      async close() {
        await Promise.all(others.map((other) => other.close()));
        await harness.close();
      },
    };
  },
};

export interface Watched extends EventStore {
  readonly appends: AppendUnit[];
  readonly counts: { streamReads: number; eventsRead: number; snapshotReads: number };
  /** Runs before each append reaches the store; what it throws is what the append throws. */
  before: (unit: AppendUnit) => Promise<void>;
}

/** The same store, and what was asked of it. */
export function watch(store: EventStore): Watched {
  const counts = { streamReads: 0, eventsRead: 0, snapshotReads: 0 };
  const watched: Watched = {
    ...store,
    appends: [],
    counts,
    before: async () => undefined,
    async append(unit) {
      await watched.before(unit);
      watched.appends.push(unit);
      return store.append(unit);
    },
    async readStream(stream, options) {
      const events = await store.readStream(stream, options);
      counts.streamReads += 1;
      counts.eventsRead += events.length;
      return events;
    },
    async readSnapshot(stream) {
      counts.snapshotReads += 1;
      return store.readSnapshot(stream);
    },
  };
  return watched;
}

export const newOrganization = (): OrganizationId => `org_${randomUUID()}`;

const at = '2026-01-01T00:00:00.000Z';

const metadataOf = (about: string): CommandMetadata => ({
  actor: 'operator',
  correlationId: about,
  causationId: 'spec',
});

export const deposit = (
  organizationId: OrganizationId,
  amount: bigint,
  topUpId = 't1',
): QueuedCommand => ({
  command: { type: 'Deposit', organizationId, topUpId, amount, at },
  metadata: metadataOf(organizationId),
});

export interface Wish {
  readonly organizationId: OrganizationId;
  readonly key: string;
  readonly amount?: bigint;
  /** The size of the payload that is appended with it. */
  readonly payloadBytes?: number;
}

/** A hold, and its request as the dependent append. */
export function hold({ organizationId, key, amount = 1n, payloadBytes = 0 }: Wish): QueuedCommand {
  const executionId = executionIdOf(organizationId, key);
  const holdId: HoldId = `hold_${randomUUID()}`;
  const command = {
    type: 'PlaceHold',
    organizationId,
    executionId,
    generation: 0,
    holdId,
  } as const;
  const payload = { ref: `${executionId}/input`, organizationId };
  return {
    command: { ...command, amount, at },
    metadata: metadataOf(executionId),
    dependent: (): DependentAppend => ({
      append: requestOf({ organizationId, key, amount }, executionId, holdId),
      ...(payloadBytes > 0 && { payload: { ...payload, bytes: Buffer.alloc(payloadBytes, 'x') } }),
    }),
  };
}

function requestOf(
  { organizationId, key: idempotencyKey, amount = 1n }: Wish,
  executionId: ExecutionId,
  holdId: HoldId,
) {
  const event: ExecutionRequested = {
    type: 'ExecutionRequested',
    data: {
      executionId,
      organizationId,
      holdId,
      idempotencyKey,
      at,
      expiresAt: at,
      apiKeyId: `key_${randomUUID()}`,
      bodyHash: 'h',
      model: 'm',
      modality: 'text',
      input: { ref: `${executionId}/input`, sha256: '0'.repeat(64), bytes: 1 },
      metadata: {},
      estimatedCost: amount,
      holdAmount: amount,
      catalogueVersion: 'v',
    },
  };
  const stream = streamOf('execution', executionId);
  return appendOf(stream, NO_STREAM, [event], metadataOf(executionId));
}

export const accountEvents = async (
  store: EventStore,
  organizationId: OrganizationId,
): Promise<readonly AccountEvent[]> =>
  (await store.readStream(streamOf('account', organizationId))) as unknown as AccountEvent[];
