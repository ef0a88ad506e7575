/**
 * Gives memory back once a load is over. V8's own reducer is switched off (docs/distributed.md): it
 * shrinks the heap of an idle process again and again. Here a process collects once after its heap
 * has grown, when it has had little to do for a while; then it leaves the heap alone until it has
 * grown again.
 *
 *   grown, busy ──► idle for two looks ──► collected ──► (grown again)
 */
import { performance } from 'node:perf_hooks';
import type { Log } from '../infra/logger.js';

const LOOK_MS = 10_000;
const IDLE_LOOKS = 2;
/** Of the time of the event loop. */
const IDLE_SHARE_MAX = 0.1;
/** Less is not worth a pause of some tens of milliseconds. */
const GROWTH_BYTES = 64 * 1024 * 1024;

/** Works where Node was started with `--expose-gc`, as the Makefile and the image start it. */
export function collectWhenIdle(log: Pick<Log, 'debug'>, lookMs = LOOK_MS): () => void {
  const { gc } = globalThis;
  if (!gc) return () => undefined;
  let loop = performance.eventLoopUtilization();
  let idleLooks = 0;
  let collectedBytes = process.memoryUsage.rss();
  const look = () => {
    const before = loop;
    loop = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(loop, before);
    idleLooks = utilization < IDLE_SHARE_MAX ? idleLooks + 1 : 0;
    const grownBytes = process.memoryUsage.rss();
    if (idleLooks < IDLE_LOOKS || grownBytes - collectedBytes < GROWTH_BYTES) return;
    const startedMs = performance.now();
    gc();
    const ms = Math.round(performance.now() - startedMs);
    collectedBytes = process.memoryUsage.rss();
    log.debug({ grownBytes, collectedBytes, ms }, 'memory was given back');
  };
  const timer = setInterval(look, lookMs).unref();
  return () => clearInterval(timer);
}
