/**
 * What takes milliseconds of the process, such as reading a megabyte of JSON, is done once in a
 * turn of the event loop: between two of them every request that has arrived meanwhile is handled.
 * A request needs several turns, so that after each of these the others have the process for twice
 * the processor's time that it took.
 */
import { setTimeout as pause } from 'node:timers/promises';

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

export function openOwnTurns(clock = processClock): () => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  let othersUntilMs = 0;
  const turn = async () => {
    await new Promise<void>((resolve) => setImmediate(resolve));
    const restMs = othersUntilMs - clock.nowMs();
    if (restMs >= 1) await clock.pause(restMs);
    const before = clock.usedMs();
    setImmediate(() => {
      const tookMs = clock.usedMs() - before;
      othersUntilMs = clock.nowMs() + Math.min(REST_MS_MAX, tookMs * OTHERS_SHARE);
    });
  };
  return () => (last = last.then(turn));
}
