/**
 * What waits in memory alone, and is dealt with where it waits for longer than a while: after that
 * time, or a tenth of it later.
 */
import { performance } from 'node:perf_hooks';

export interface Postponed<W> {
  add(work: W): void;
  /** It waits no more. */
  delete(work: W): void;
  /** Deals with all that waits. */
  flush(): void;
}

export function openPostponed<W>(afterMs: number, deal: (work: W) => void): Postponed<W> {
  /** Since when, the oldest first. */
  const waiting = new Map<W, number>();
  let timer: NodeJS.Timeout | undefined;

  const lookAfter = (ms: number) => {
    timer ??= setTimeout(look, ms);
  };

  function look(): void {
    timer = undefined;
    dealUntil(performance.now() - afterMs);
    if (waiting.size > 0) lookAfter(afterMs / 10);
  }

  function dealUntil(ms: number): void {
    for (const [work, sinceMs] of waiting) {
      if (sinceMs > ms) return;
      waiting.delete(work);
      deal(work);
    }
  }

  return {
    add(work) {
      waiting.set(work, performance.now());
      lookAfter(afterMs);
    },
    delete: (work) => void waiting.delete(work),
    flush() {
      clearTimeout(timer);
      timer = undefined;
      dealUntil(Infinity);
    },
  };
}
