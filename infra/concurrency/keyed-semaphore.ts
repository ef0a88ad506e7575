/**
 * A semaphore per key: each key has so many permits, and a bounded queue, first come first served.
 * A key whose holders are slow, or never release, fills its own queue and no other.
 */
export interface KeyedSemaphore {
  /** Whether a permit was given, at once or in turn; false past the queue's bound. */
  acquire(key: string): boolean | Promise<boolean>;
  /** The holder of a permit calls it once. */
  release(key: string): void;
  /** Refuses everyone in the queues, and everyone who comes later. */
  close(): void;
}

interface Permits {
  inFlight: number;
  readonly waiters: ((acquired: boolean) => void)[];
}

export function createKeyedSemaphore(inFlightMax: number, waitersMax: number): KeyedSemaphore {
  const keys = new Map<string, Permits>();
  let isClosed = false;
  return {
    acquire(key) {
      const permits = keys.get(key) ?? { inFlight: 0, waiters: [] };
      if (isClosed || permits.waiters.length >= waitersMax) return false;
      keys.set(key, permits);
      if (permits.inFlight >= inFlightMax)
        return new Promise((resolve) => permits.waiters.push(resolve));
      permits.inFlight += 1;
      return true;
    },
    release(key) {
      const permits = keys.get(key);
      if (!permits) return;
      const next = permits.waiters.shift();
      if (next) return next(true);
      permits.inFlight -= 1;
      if (permits.inFlight === 0) keys.delete(key);
    },
    close() {
      isClosed = true;
      for (const { waiters } of keys.values())
        for (const refuse of waiters.splice(0)) refuse(false);
    },
  };
}
