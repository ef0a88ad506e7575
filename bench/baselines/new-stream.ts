/** What the appenders of R9 and R12 append: three events that begin a stream. */
import { randomUUID } from 'node:crypto';
import { streamOf } from '../../contracts/streams.js';
import { NO_STREAM, type AppendUnit } from '../../infra/event-store/port.js';

export const EVENTS_PER_APPEND = 3;

export function newStream(): AppendUnit {
  const organizationId = `org_${randomUUID()}` as const;
  const at = new Date().toISOString();
  const events = Array.from({ length: EVENTS_PER_APPEND }, (_, n) => ({
    id: randomUUID(),
    type: 'FundsDeposited' as const,
    data: {
      organizationId,
      at,
      topUpId: `bench-${n}`,
      amount: 1_000_000n,
      availableAfter: 1_000_000n * BigInt(n + 1),
      heldAfter: 0n,
    },
    metadata: {
      $correlationId: organizationId,
      $causationId: organizationId,
      actor: 'operator',
      schemaVersion: 1,
      time: at,
    },
  }));
  const stream = streamOf('account', organizationId);
  return { appends: [{ stream, expectedRevision: NO_STREAM, events }] };
}
