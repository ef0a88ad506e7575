/**
 * Readers who wait for executions. One subscription to the log serves all of a process, for as long
 * as anybody waits; nothing is asked of the database until something happened.
 *
 * A reader watches first and reads then, so that nothing falls between: the subscription begins at
 * a head that is no later than the read. One that broke begins anew at a later head, so that all
 * who wait read again.
 */
import type { ExecutionId, OrganizationId } from '../../contracts/ids.js';
import { streamOf, type StreamName } from '../../contracts/streams.js';
import { createSignal } from '../../infra/concurrency/signal.js';
import {
  StoreUnavailable,
  type EventStore,
  type LogFilter,
  type Position,
} from '../../infra/event-store/port.js';
import type { QueryInfra } from '../query-infra.js';

export interface WatchedExecutions {
  /** Too many watch already: of the organization, or of the process. Throws `StoreUnavailable`. */
  watch(
    organizationId: OrganizationId,
    executionId: ExecutionId,
  ): Promise<Watch | 'organization' | 'process'>;
}

export interface Watch {
  /**
   * Whether something may have been entered in the timeline since the last call, or since the
   * beginning; false after so many milliseconds, and when the signal aborts.
   */
  changed(ms: number, ended: AbortSignal): Promise<boolean>;
  /** To be called once. */
  leave(): void;
}

/** Of one organization; a connection each. */
export const WATCHES_SHARE_MAX = 200;
const WATCHES_MAX = 2_000;

/** A subscription outlives its last reader by so much: the next one often comes at once. */
const LINGER_MS = 10_000;

/** What is entered in a timeline after its beginning. */
const FILTER: LogFilter = {
  categories: ['execution'],
  types: [
    'ProviderDispatched',
    'ExecutionCompleted',
    'ExecutionFailed',
    'ExecutionCancelled',
    'ExecutionExpired',
  ],
};

interface Tail {
  readonly begins: Promise<Position>;
  readonly stop: AbortController;
  /** Set once it ended by itself. */
  isOver: boolean;
}

type Notify = () => void;

export function openWatchedExecutions({
  store,
  log,
}: Pick<QueryInfra, 'store' | 'log'>): WatchedExecutions {
  const watches = new Map<StreamName, Set<Notify>>();
  const counts = openCounts();
  const tail = openTail(store, (streams) => {
    if (streams.length === 0) for (const all of watches.values()) all.forEach(call);
    for (const stream of streams) watches.get(stream)?.forEach(call);
  });
  const onBroken = (err: unknown) => {
    // Whoever watches is told of an outage himself.
    if (!(err instanceof StoreUnavailable)) log.error({ err }, 'executions cannot be watched');
  };

  return {
    async watch(organizationId, executionId) {
      const full = counts.add(organizationId);
      if (full) return full;
      const stream = streamOf('execution', executionId);
      const signal = createSignal();
      const notifies = watches.get(stream) ?? new Set();
      watches.set(stream, notifies.add(signal.notify));
      const leave = () => {
        notifies.delete(signal.notify);
        if (notifies.size === 0 && watches.get(stream) === notifies) watches.delete(stream);
        counts.remove(organizationId);
        if (counts.total === 0) tail.stopSoon();
      };
      try {
        let joined = await tail.join(onBroken);
        return {
          async changed(ms, ended) {
            if (joined.isOver) {
              joined = await tail.join(onBroken);
              return true;
            }
            return notified(signal, ms, ended);
          },
          leave,
        };
      } catch (error) {
        leave();
        throw error;
      }
    },
  };
}

const call = (notify: Notify): void => notify();

async function notified(
  signal: ReturnType<typeof createSignal>,
  ms: number,
  ended: AbortSignal,
): Promise<boolean> {
  let isNotified = true;
  const end = () => {
    isNotified = false;
    signal.notify();
  };
  const timer = setTimeout(end, ms);
  ended.addEventListener('abort', end, { once: true });
  if (ended.aborted) end();
  await signal.wait();
  clearTimeout(timer);
  ended.removeEventListener('abort', end);
  return isNotified;
}

/** One subscription at a time. `onEvents` gets the streams; none when all must look. */
function openTail(store: EventStore, onEvents: (streams: readonly StreamName[]) => void) {
  let current: Tail | undefined;
  let stopping: NodeJS.Timeout | undefined;

  async function follow(tail: Tail, onBroken: (error: unknown) => void): Promise<void> {
    try {
      const batches = store.subscribe(await tail.begins, FILTER, tail.stop.signal);
      for await (const { events } of batches)
        if (events.length > 0) onEvents(events.map(({ stream }) => stream));
    } catch (error) {
      onBroken(error);
    } finally {
      tail.isOver = true;
      if (current === tail) current = undefined;
      onEvents([]);
    }
  }

  return {
    /** Resolves once everything that is appended from now on will be noticed. */
    async join(onBroken: (error: unknown) => void): Promise<Tail> {
      clearTimeout(stopping);
      if (!current) {
        current = { begins: store.head(), stop: new AbortController(), isOver: false };
        void follow(current, onBroken);
      }
      const joined = current;
      await joined.begins;
      return joined;
    },
    stopSoon(): void {
      clearTimeout(stopping);
      stopping = setTimeout(() => {
        current?.stop.abort();
        current = undefined;
      }, LINGER_MS).unref();
    },
  };
}

function openCounts() {
  const shares = new Map<OrganizationId, number>();
  let total = 0;
  return {
    get total() {
      return total;
    },
    add(organizationId: OrganizationId): 'organization' | 'process' | undefined {
      const share = shares.get(organizationId) ?? 0;
      if (share >= WATCHES_SHARE_MAX) return 'organization';
      if (total >= WATCHES_MAX) return 'process';
      shares.set(organizationId, share + 1);
      total += 1;
      return undefined;
    },
    remove(organizationId: OrganizationId): void {
      const share = (shares.get(organizationId) ?? 1) - 1;
      if (share > 0) shares.set(organizationId, share);
      else shares.delete(organizationId);
      total -= 1;
    },
  };
}
