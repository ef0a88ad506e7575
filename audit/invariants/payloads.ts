/**
 * The payloads that requests and completions refer to are there, with the bytes that the events
 * name, unless they were erased; what was erased is there no longer. All of them, or a fair sample:
 * a read per payload costs more than everything else together.
 */
import { hash } from 'node:crypto';
import type { AnyEvent } from '../../contracts/events/all.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { PayloadRef } from '../../contracts/events/execution.js';
import type { ExecutionId, OrganizationId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { StoreUnavailable, type EventStore } from '../../infra/event-store/port.js';
import { StartError } from '../../infra/start-error.js';
import type { Findings } from '../findings.js';

export interface PayloadAudit {
  see(event: RecordedEvent<AnyEvent>): void;
  /** Looks at what was seen; between pages when all are looked at, so that none pile up. */
  look(): Promise<void>;
  /** Looks at the sample. */
  end(): Promise<void>;
  readonly checked: number;
}

/** The stored bytes, or undefined. */
export type PayloadBytes = (ref: PayloadRef) => Promise<Buffer | undefined>;

interface Owned {
  readonly executionId: ExecutionId;
  readonly organizationId: OrganizationId;
}

interface Named extends Owned {
  readonly stream: string;
  readonly ref: PayloadRef;
  /** Erased so long ago that it must be gone. */
  readonly isErased?: true;
}

interface PayloadAuditOptions {
  readonly deep: boolean;
  readonly settled: boolean;
  readonly bytesOf: PayloadBytes;
  readonly store: Pick<EventStore, 'readStream'>;
}

/** What a crash left is removed by another process within minutes. */
const REMOVED_WITHIN_MS = 10 * 60_000;

const SAMPLE = 256;
const AT_ONCE = 32;

export function openPayloadAudit(
  findings: Findings,
  { bytesOf, store, deep, settled }: PayloadAuditOptions,
): PayloadAudit {
  let waiting: Named[] = [];
  let seen = 0;
  let checked = 0;
  const erasedOrganizations = new Set<OrganizationId>();

  /** Algorithm R: at every moment each payload seen so far is in the sample with equal chance. */
  function note(named: Named): void {
    seen += 1;
    if (deep || waiting.length < SAMPLE) waiting.push(named);
    else {
      const place = Math.floor(Math.random() * seen);
      if (place < SAMPLE) waiting[place] = named;
    }
  }

  async function lookAtAll(): Promise<void> {
    const due = waiting.values();
    const lane = async () => {
      for (const named of due) {
        checked += 1;
        const problem = await problemOf(named, bytesOf, async (owned) => {
          if (erasedOrganizations.has(owned.organizationId)) return true;
          const erased = await wasErased(store, owned);
          if (erased === 'organization') erasedOrganizations.add(owned.organizationId);
          return erased !== undefined;
        });
        if (problem) findings.add('payloads', named.stream, problem);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    waiting = [];
  }

  return {
    see({ stream, type, data }) {
      if (type === 'ExecutionRequested') note({ stream, ref: data.input, ...ownedBy(data) });
      if (type === 'ExecutionCompleted') note({ stream, ref: data.output, ...ownedBy(data) });
      if (type !== 'PayloadsErased') return;
      if (!settled && Date.parse(data.at) > Date.now() - REMOVED_WITHIN_MS) return;
      for (const ref of data.payloads) note({ stream, ref, ...ownedBy(data), isErased: true });
    },
    look: async () => (deep ? lookAtAll() : undefined),
    end: () => lookAtAll(),
    get checked() {
      return checked;
    },
  };
}

const ownedBy = ({ executionId, organizationId }: Owned): Owned => ({
  executionId,
  organizationId,
});

async function problemOf(
  { ref, isErased, ...owned }: Named,
  bytesOf: PayloadBytes,
  erased: (owned: Owned) => Promise<boolean>,
): Promise<string | undefined> {
  let bytes: Buffer | undefined;
  try {
    bytes = await bytesOf(ref);
  } catch (error) {
    // Whatever else a store throws is about this payload: it is there, and cannot be given out.
    const isOfAll = error instanceof StoreUnavailable || error instanceof StartError;
    if (isOfAll || !(error instanceof Error)) throw error;
    return error.message;
  }
  if (isErased) return bytes && `the payload ${ref.ref} was erased, and is there`;
  if (!bytes) return (await erased(owned)) ? undefined : `the payload ${ref.ref} is gone`;
  if (hash('sha256', bytes, 'hex') !== ref.sha256) return `the payload ${ref.ref} has other bytes`;
  return undefined;
}

/** Asked only about what is not there. */
async function wasErased(
  store: Pick<EventStore, 'readStream'>,
  { executionId, organizationId }: Owned,
): Promise<'execution' | 'organization' | undefined> {
  const erasure = await store.readStream(streamOf('erasure', executionId), { limit: 1 });
  if (erasure.length > 0) return 'execution';
  const facts = await store.readStream(streamOf('organization', organizationId));
  const isErased = facts.some(({ type }) => type === 'OrganizationErased');
  return isErased ? 'organization' : undefined;
}
