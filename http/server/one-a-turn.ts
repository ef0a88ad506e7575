/**
 * What takes milliseconds of the process, such as reading a megabyte of JSON, is done once in a
 * turn of the event loop: between two of them every request that has arrived meanwhile is handled.
 * Senders take turns, so that who sends many large bodies keeps no other's waiting. A request needs
 * several turns of the event loop, so that after each of these the others have the process for
 * twice the processor's time that it took.
 */
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';

const OTHERS_SHARE = 2;
/** Not longer, whatever else has taken the processor meanwhile. */
const REST_MS_MAX = 60;

interface Clock {
  nowMs(): number;
  /** The processor's time, so that a busy machine does not count. */
  usedMs(): number;
  pause(ms: number): Promise<unknown>;
}

const processClock: Clock = {
  nowMs: () => performance.now(),
  usedMs() {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
  pause,
};

/** Resolves when it is the sender's turn; who was served longest ago is next. */
export type OwnTurn = (sender: string) => Promise<void>;

export function openOwnTurns(clock = processClock): OwnTurn {
  /** In the order of their turns; of one sender, first come first served. */
  const waiting = new Map<string, (() => void)[]>();
  let othersUntilMs = 0;
  let isRunning = false;

  async function run(): Promise<void> {
    isRunning = true;
    while (waiting.size > 0) {
      await nextTurn();
      const restMs = othersUntilMs - clock.nowMs();
      if (restMs >= 1) await clock.pause(restMs);
      const before = clock.usedMs();
      takeNext(waiting)?.();
      await nextTurn();
      const tookMs = clock.usedMs() - before;
      othersUntilMs = clock.nowMs() + Math.min(REST_MS_MAX, tookMs * OTHERS_SHARE);
    }
    isRunning = false;
  }

  return (sender) =>
    new Promise((resolve) => {
      const own = waiting.get(sender) ?? [];
      waiting.set(sender, own);
      own.push(resolve);
      if (!isRunning) void run();
    });
}

function takeNext(waiting: Map<string, (() => void)[]>): (() => void) | undefined {
  const [first] = waiting;
  if (!first) return undefined;
  const [sender, own] = first;
  const next = own.shift();
  waiting.delete(sender);
  if (own.length > 0) waiting.set(sender, own);
  return next;
}
