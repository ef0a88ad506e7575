/** What a stream says became of an append: its event ids decide. */
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { createSemaphore } from '../../concurrency/semaphore.js';
import type { LogRow } from '../codec.js';
import { NO_STREAM, StoreUnavailable, type AppendOutcome } from '../port.js';
import type { EncodedAppend } from '../unit.js';
import type { LogClient } from './log-client.js';

export interface AppendLookup {
  /**
   * `head` is the last revision of the stream, as the server answered. Throws `StoreUnavailable`
   * when the stream does not say before the deadline.
   */
  outcome(append: EncodedAppend, head: number, deadline: number): Promise<AppendOutcome>;
  /** Asks once. Undefined when there is no answer, or not all at its place yet. Never rejects. */
  find(append: EncodedAppend, deadline: number): Promise<AppendOutcome | undefined>;
  /** Appends that were looked up. */
  readonly count: number;
}

/** A server that was silent has enough to do: the others wait, or are not asked. */
const AT_ONCE_MAX = 64;
const RETRY_PAUSE_MS = 50;

export const lastRevision = ({ expectedRevision, events }: EncodedAppend): number =>
  expectedRevision + events.length;

export function createAppendLookup(client: LogClient): AppendLookup {
  const permits = createSemaphore(AT_ONCE_MAX, Infinity);
  let count = 0;

  const asked = async (append: EncodedAppend, deadline: number): Promise<Answer> => {
    if (!(await permits.acquire(0, deadline))) return NO_ANSWER;
    try {
      return await ask(client, append, deadline);
    } finally {
      permits.release(0);
    }
  };

  return {
    async outcome(append, head, deadline) {
      count++;
      const conflict = { status: 'conflict', actualRevision: head } as const;
      if (head < lastRevision(append)) return conflict;
      for (;;) {
        const answer = await asked(append, deadline);
        if (answer.kind === 'outcome')
          return answer.outcome.status === 'appended' ? answer.outcome : conflict;
        if (performance.now() + RETRY_PAUSE_MS > deadline)
          throw new StoreUnavailable('the event store does not say what became of an append');
        await pause(RETRY_PAUSE_MS);
      }
    },
    async find(append, deadline) {
      count++;
      const answer = await asked(append, deadline);
      return answer.kind === 'outcome' ? answer.outcome : undefined;
    },
    get count() {
      return count;
    },
  };
}

type Answer =
  | { readonly kind: 'outcome'; readonly outcome: AppendOutcome }
  | { readonly kind: 'nothing yet' }
  | { readonly kind: 'no answer' };

const NOTHING_YET = { kind: 'nothing yet' } as const;
const NO_ANSWER = { kind: 'no answer' } as const;

/** A lost race shows in the first event; only a repetition is compared to its end. */
async function ask(client: LogClient, append: EncodedAppend, deadline: number): Promise<Answer> {
  const { events } = append;
  for (const limit of new Set([1, events.length])) {
    const rows = await readRows(client, append, limit, deadline);
    if (!rows) return NO_ANSWER;
    const last = rows.at(-1);
    if (rows.some(({ id }, n) => id !== events[n]?.id)) {
      const actualRevision = last?.revision ?? NO_STREAM;
      return { kind: 'outcome', outcome: { status: 'conflict', actualRevision } };
    }
    // Of an append that is being indexed only the beginning may show.
    if (!last || rows.length < limit) return NOTHING_YET;
    if (limit !== events.length) continue;
    const { revision, position } = last;
    return { kind: 'outcome', outcome: { status: 'appended', revision, position } };
  }
  return NO_ANSWER;
}

/** Undefined when the server did not answer. */
async function readRows(
  client: LogClient,
  { stream, expectedRevision }: EncodedAppend,
  limit: number,
  deadline: number,
): Promise<readonly LogRow[] | undefined> {
  const rows: LogRow[] = [];
  const range = { stream, from: expectedRevision + 1, backward: false, limit };
  const call = client.readStream(range, (row) => void rows.push(row));
  let isLate = false;
  const giveUp = () => {
    isLate = true;
    call.cancel();
  };
  const timer = setTimeout(giveUp, deadline - performance.now());
  const { kind } = await call.ended;
  clearTimeout(timer);
  return kind === 'done' && !isLate ? rows : undefined;
}
