/** Lets so many, and so much, be under way at once; the others wait, first come first served. */
import { performance } from 'node:perf_hooks';

interface Gate {
  /**
   * Whether it may go in; false when its deadline came first. One that is larger than the gate
   * passes alone.
   */
  enter(bytes: number, deadline: number): boolean | Promise<boolean>;
  leave(bytes: number): void;
  readonly underWay: number;
}

interface Waiting {
  readonly bytes: number;
  readonly deadline: number;
  readonly answer: (admitted: boolean) => void;
}

/** How late a deadline may be noticed. */
const SWEEP_MS = 25;

export function createGate(countMax: number, bytesMax: number): Gate {
  let waiting: Waiting[] = [];
  let [count, bytes] = [0, 0];
  let sweeping: NodeJS.Timeout | undefined;

  const fits = (more: number) => count === 0 || (count < countMax && bytes + more <= bytesMax);
  const take = (more: number) => {
    count++;
    bytes += more;
  };

  function admit(): void {
    let admitted = 0;
    for (let next = waiting[0]; next && fits(next.bytes); next = waiting[++admitted]) {
      take(next.bytes);
      next.answer(true);
    }
    if (admitted > 0) waiting = waiting.slice(admitted);
  }

  function sweep(): void {
    const now = performance.now();
    for (const { deadline, answer } of waiting) if (deadline <= now) answer(false);
    waiting = waiting.filter(({ deadline }) => deadline > now);
    admit();
    if (waiting.length > 0) return;
    clearInterval(sweeping);
    sweeping = undefined;
  }

  return {
    enter(more, deadline) {
      if (waiting.length === 0 && fits(more)) {
        take(more);
        return true;
      }
      sweeping ??= setInterval(sweep, SWEEP_MS);
      return new Promise((answer) => waiting.push({ bytes: more, deadline, answer }));
    },
    leave(less) {
      count--;
      bytes -= less;
      if (waiting.length > 0) admit();
    },
    get underWay() {
      return count;
    },
  };
}
