/**
 * Gives memory back once a load is over. V8's own reducer is switched off (docs/distributed.md): it
 * shrinks the heap of an idle process again and again. Here a process whose memory has grown
 * collects a few times when it has had little to do for a while, and then leaves its heap alone
 * until it has grown again. One collection frees what died, those behind it the pages around it.
 *
 *   grown, busy ──► idle for two looks ──► collects at this look and the next two ──► at rest
 */
import { performance } from 'node:perf_hooks';
import type { Log } from '../infra/logger.js';

const LOOK_MS = 10_000;
const IDLE_LOOKS = 2;
/** Of the time of the event loop. */
const IDLE_SHARE_MAX = 0.1;
/** Less is not worth pauses of some tens of milliseconds. */
const GROWTH_BYTES = 64 * 1024 * 1024;
const COLLECTIONS = 3;

/** Works where Node was started with `--expose-gc`, as the Makefile and the image start it. */
export function collectWhenIdle(log: Pick<Log, 'debug'>, lookMs = LOOK_MS): () => void {
  const { gc } = globalThis;
  if (!gc) return () => undefined;
  let loop = performance.eventLoopUtilization();
  let idleLooks = 0;
  let restingBytes = process.memoryUsage.rss();
  let collections = 0;
  const look = () => {
    const before = loop;
    loop = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(loop, before);
    const bytes = process.memoryUsage.rss();
    if (utilization >= IDLE_SHARE_MAX) {
      [idleLooks, collections] = [0, 0];
      return;
    }
    idleLooks += 1;
    const isGrown = bytes - restingBytes >= GROWTH_BYTES;
    if (idleLooks < IDLE_LOOKS || (collections === 0 && !isGrown)) return;
    if (collections === COLLECTIONS) {
      [restingBytes, collections] = [bytes, 0];
      return;
    }
    const startedMs = performance.now();
    gc();
    collections += 1;
    log.debug({ bytes, ms: Math.round(performance.now() - startedMs) }, 'memory is given back');
  };
  const timer = setInterval(look, lookMs).unref();
  return () => clearInterval(timer);
}
