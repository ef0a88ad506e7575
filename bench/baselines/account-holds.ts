/**
 * One writer of R3.writers: callers that each place a hold on one account and request an execution
 * right behind it, as the command API does, again and again.
 */
import { randomUUID } from 'node:crypto';
import pino from 'pino';
import type { ExecutionRequested } from '../../contracts/events/execution.js';
import { executionIdOf, type HoldId, type OrganizationId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { openAccounts, type Accounts } from '../../command-handling/accounts/accounts.js';
import type { QueuedCommand } from '../../command-handling/accounts/decide-batch.js';
import { openAccountOwners } from '../../command-handling/account-owner/account-owners.js';
import { appendOf } from '../../command-handling/streams.js';
import { NO_STREAM, StoreOverloaded, StoreUnavailable } from '../../infra/event-store/port.js';
import { openPostgresEventStore } from '../../infra/event-store/postgres/postgres.js';
import type { Timed } from './loops.js';
import { servePart } from './part.js';

export interface HoldsConfig {
  readonly url: string;
}

export interface HoldsAsk extends Timed {
  readonly organizationId: OrganizationId;
  readonly callers: number;
}

export interface Held {
  readonly accepted: number;
  readonly worstMs: number;
  /** Answers that the command API gives as 503; the caller asked again. */
  readonly unanswered: number;
}

const log = pino({ level: 'silent' });
const API_KEY = `key_${randomUUID()}` as const;
const INPUT = Buffer.alloc(800, 'x');

servePart<HoldsConfig, null, HoldsAsk, Held>(async ({ url }) => {
  const store = openPostgresEventStore({ url, log });
  const owners = await openAccountOwners({
    url,
    log,
    instance: `bench-${process.pid}`,
    key: 'of the benchmarks',
    host: '127.0.0.1',
    port: 0,
  });
  const accounts = openAccounts({ store, owners, onError: () => undefined });
  return {
    ready: null,
    async answer({ organizationId, callers, seconds }) {
      const deadline = performance.now() + seconds * 1000;
      let accepted = 0;
      let worstMs = 0;
      let unanswered = 0;
      async function caller(): Promise<void> {
        while (performance.now() < deadline) {
          const askedAt = performance.now();
          const queued = commandFor(organizationId);
          while (!(await isPlaced(accounts, organizationId, queued))) unanswered++;
          worstMs = Math.max(worstMs, performance.now() - askedAt);
          accepted++;
        }
      }
      await Promise.all(Array.from({ length: callers }, caller));
      return { accepted, worstMs, unanswered };
    },
    async close() {
      await owners.close();
      await store.close();
    },
  };
});

/** False: not answered, and to be asked again. Throws when it was refused. */
async function isPlaced(
  accounts: Accounts,
  organizationId: OrganizationId,
  queued: QueuedCommand,
): Promise<boolean> {
  try {
    const { outcome } = await accounts.submit(organizationId, queued);
    if (outcome === 'rejected') throw new Error('a hold was refused');
    return true;
  } catch (error) {
    if (error instanceof StoreUnavailable || error instanceof StoreOverloaded) return false;
    throw error;
  }
}

function commandFor(organizationId: OrganizationId): QueuedCommand {
  const idempotencyKey = randomUUID();
  const executionId = executionIdOf(organizationId, idempotencyKey);
  const holdId: HoldId = `hold_${randomUUID()}`;
  const at = new Date().toISOString();
  const amount = 10_000n;
  const ref = `${executionId}/input`;
  const metadata = { actor: 'bench', correlationId: executionId, causationId: idempotencyKey };
  const requested: ExecutionRequested = {
    type: 'ExecutionRequested',
    data: {
      executionId,
      organizationId,
      holdId,
      idempotencyKey,
      at,
      expiresAt: at,
      apiKeyId: API_KEY,
      bodyHash: 'b'.repeat(64),
      model: 'm',
      modality: 'text',
      input: { ref, sha256: '0'.repeat(64), bytes: INPUT.length },
      metadata: {},
      estimatedCost: amount,
      holdAmount: amount,
      catalogueVersion: 'v',
    },
  };
  const stream = streamOf('execution', executionId);
  return {
    command: {
      type: 'PlaceHold',
      organizationId,
      executionId,
      generation: 0,
      holdId,
      amount,
      at,
    },
    metadata,
    dependent: () => ({
      append: appendOf(stream, NO_STREAM, [requested], metadata),
      payload: { ref, organizationId, bytes: INPUT },
    }),
  };
}
