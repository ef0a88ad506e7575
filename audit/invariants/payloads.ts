/**
 * The payloads that requests and completions refer to are there, with the bytes that the events
 * name. All of them, or a fair sample: a read per payload costs more than everything else together.
 */
import { hash } from 'node:crypto';
import type { AnyEvent } from '../../contracts/events/all.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { PayloadRef } from '../../contracts/events/execution.js';
import { StoreUnavailable } from '../../infra/event-store/port.js';
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

interface Named {
  readonly stream: string;
  readonly ref: PayloadRef;
}

const SAMPLE = 256;
const AT_ONCE = 32;

export function openPayloadAudit(
  bytesOf: PayloadBytes,
  findings: Findings,
  { deep }: { readonly deep: boolean },
): PayloadAudit {
  let waiting: Named[] = [];
  let seen = 0;
  let checked = 0;

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
        const problem = await problemOf(named.ref, bytesOf);
        if (problem) findings.add('payloads', named.stream, problem);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    waiting = [];
  }

  return {
    see({ stream, type, data }) {
      if (type === 'ExecutionRequested') note({ stream, ref: data.input });
      if (type === 'ExecutionCompleted') note({ stream, ref: data.output });
    },
    look: async () => (deep ? lookAtAll() : undefined),
    end: () => lookAtAll(),
    get checked() {
      return checked;
    },
  };
}

async function problemOf(ref: PayloadRef, bytesOf: PayloadBytes): Promise<string | undefined> {
  let bytes: Buffer | undefined;
  try {
    bytes = await bytesOf(ref);
  } catch (error) {
    // Whatever else a store throws is about this payload: it is there, and cannot be given out.
    if (error instanceof StoreUnavailable || !(error instanceof Error)) throw error;
    return error.message;
  }
  if (!bytes) return `the payload ${ref.ref} is gone`;
  if (hash('sha256', bytes, 'hex') !== ref.sha256) return `the payload ${ref.ref} has other bytes`;
  return undefined;
}
