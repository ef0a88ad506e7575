/**
 * Permits that keys share fairly. A key holds at most its share, however many permits are free; a
 * permit that becomes free goes to the key that waited longest for its turn, one turn each, so a
 * key with a thousand waiters delays another by one turn.
 */
export interface FairSemaphore {
  /**
   * Whether a permit was given, at once or in turn; false after `waitMs`, or at once where as many
   * of the key wait as may.
   */
  acquire(key: string, waitMs: number): boolean | Promise<boolean>;
  /** The holder of a permit calls it once. */
  release(key: string): void;
}

interface FairSemaphoreOptions {
  readonly inFlightMax: number;
  /** Of one key. */
  readonly shareMax: number;
  /** Of one key. */
  readonly waitersMax: number;
}

interface Turns {
  inFlight: number;
  /** First come first served. */
  readonly waiters: Set<(acquired: boolean) => void>;
}

export function createFairSemaphore(options: FairSemaphoreOptions): FairSemaphore {
  const { inFlightMax, shareMax, waitersMax } = options;
  /** Those that hold or wait, in the order of their turns. */
  const keys = new Map<string, Turns>();
  let inFlight = 0;

  const fits = (turns: Turns): boolean => inFlight < inFlightMax && turns.inFlight < shareMax;

  function take(key: string, turns: Turns): void {
    inFlight++;
    turns.inFlight++;
    keys.delete(key);
    keys.set(key, turns);
  }

  /** Looks past no more keys than hold their share or wait for nothing: at most `inFlightMax`. */
  function admitNext(): void {
    for (const [key, turns] of keys) {
      const [next] = turns.waiters;
      if (!next || !fits(turns)) continue;
      turns.waiters.delete(next);
      take(key, turns);
      return next(true);
    }
  }

  function wait(key: string, turns: Turns, waitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (acquired: boolean) => {
        clearTimeout(timer);
        resolve(acquired);
      };
      const timer = setTimeout(() => {
        turns.waiters.delete(settle);
        forgetIfIdle(key, turns);
        resolve(false);
      }, waitMs);
      turns.waiters.add(settle);
    });
  }

  function forgetIfIdle(key: string, turns: Turns): void {
    if (turns.inFlight === 0 && turns.waiters.size === 0) keys.delete(key);
  }

  return {
    acquire(key, waitMs) {
      const turns = keys.get(key) ?? { inFlight: 0, waiters: new Set() };
      if (fits(turns)) {
        take(key, turns);
        return true;
      }
      if (turns.waiters.size >= waitersMax) return false;
      keys.set(key, turns);
      return wait(key, turns, waitMs);
    },
    release(key) {
      const turns = keys.get(key);
      if (!turns) return;
      inFlight--;
      turns.inFlight--;
      forgetIfIdle(key, turns);
      admitNext();
    },
  };
}
