/**
 * Readers who wait for something to happen. One subscription to the log serves all of a process
 * that wait for the same kind of event, for as long as anybody waits; nothing is asked of the
 * database until something happened.
 *
 * A reader watches first and reads then, so that nothing falls between: the subscription begins at
 * a head that is no later than the read. One that broke begins anew at a later head, so that all
 * who wait read again.
 */
import { createSignal } from '../infra/concurrency/signal.js';
import {
  StoreUnavailable,
  type EventStore,
  type LogBatch,
  type LogFilter,
  type Position,
} from '../infra/event-store/port.js';
import type { QueryInfra } from './query-infra.js';

export interface Watches {
  /**
   * `share` is whose places are taken, `subject` what is watched. Too many watch already: of the
   * share, or of the process. Throws `StoreUnavailable`.
   */
  watch(share: string, subject: string): Promise<Watch | 'share' | 'process'>;
}

export interface Watch {
  /**
   * Whether something may have happened to the subject since the last call, or since the
   * beginning; false after so many milliseconds, and when the signal aborts.
   */
  changed(ms: number, ended: AbortSignal): Promise<boolean>;
  /** To be called once. */
  leave(): void;
}

interface WatchOptions {
  readonly filter: LogFilter;
  /** What an event happened to; undefined: nobody watches it. */
  readonly subjectOf: (event: LogBatch['events'][number]) => string | undefined;
  /** Of one share; a connection each. */
  readonly shareMax: number;
}

const WATCHES_MAX = 2_000;

/** A subscription outlives its last reader by so much: the next one often comes at once. */
const LINGER_MS = 10_000;

interface Tail {
  readonly begins: Promise<Position>;
  readonly stop: AbortController;
  /** Set once it ended by itself. */
  isOver: boolean;
}

type Notify = () => void;

export function openWatches(
  { store, log }: Pick<QueryInfra, 'store' | 'log'>,
  { filter, subjectOf, shareMax }: WatchOptions,
): Watches {
  const watches = new Map<string, Set<Notify>>();
  const counts = openCounts(shareMax);
  const tail = openTail(store, filter, (events) => {
    if (events.length === 0) for (const all of watches.values()) all.forEach(call);
    for (const subject of new Set(events.map(subjectOf)))
      if (subject !== undefined) watches.get(subject)?.forEach(call);
  });
  const onBroken = (err: unknown) => {
    // Whoever watches is told of an outage himself.
    if (!(err instanceof StoreUnavailable)) log.error({ err }, 'the log cannot be watched');
  };

  return {
    async watch(share, subject) {
      const full = counts.add(share);
      if (full) return full;
      const signal = createSignal();
      const notifies = watches.get(subject) ?? new Set();
      watches.set(subject, notifies.add(signal.notify));
      const leave = () => {
        notifies.delete(signal.notify);
        if (notifies.size === 0 && watches.get(subject) === notifies) watches.delete(subject);
        counts.remove(share);
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

/** One subscription at a time. `onEvents` gets the events; none when all must look. */
function openTail(
  store: EventStore,
  filter: LogFilter,
  onEvents: (events: LogBatch['events']) => void,
) {
  let current: Tail | undefined;
  let stopping: NodeJS.Timeout | undefined;

  async function follow(tail: Tail, onBroken: (error: unknown) => void): Promise<void> {
    try {
      const batches = store.subscribe(await tail.begins, filter, tail.stop.signal);
      for await (const { events } of batches) if (events.length > 0) onEvents(events);
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

function openCounts(shareMax: number) {
  const shares = new Map<string, number>();
  let total = 0;
  return {
    get total() {
      return total;
    },
    add(name: string): 'share' | 'process' | undefined {
      const share = shares.get(name) ?? 0;
      if (share >= shareMax) return 'share';
      if (total >= WATCHES_MAX) return 'process';
      shares.set(name, share + 1);
      total += 1;
      return undefined;
    },
    remove(name: string): void {
      const share = (shares.get(name) ?? 1) - 1;
      if (share > 0) shares.set(name, share);
      else shares.delete(name);
      total -= 1;
    },
  };
}
