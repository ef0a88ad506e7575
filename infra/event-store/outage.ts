/** Which errors are an outage of the store or of the disk, and how work is retried through one. */
import { pause } from '../concurrency/pause.js';
import { StoreOverloaded, StoreUnavailable } from './port.js';

/**
 * The store or the disk takes nothing now; the same work may succeed later. No notification becomes
 * a dead letter for it, and no execution fails for it.
 */
export function isOutage(error: unknown): boolean {
  if (error instanceof StoreUnavailable || error instanceof StoreOverloaded) return true;
  const { code = '' } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  return DISK_OUTAGES.has(code);
}

const DISK_OUTAGES = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EMFILE', 'ENFILE']);

/**
 * Shorter than the timers' pauses, so that the process that knows an outcome records it before a
 * timer doubts it; long enough that hundreds of waiting calls do not keep a slow store slow.
 */
const PAUSE_FIRST_MS = 50;
const PAUSE_MAX_MS = 1_000;
/** Longer than any restart or failover of a database; after it, other processes must recover. */
const OUTAGE_MAX_MS = 10 * 60_000;

/**
 * Repeats the work until the outage is over. Throws any other error at once, and the outage itself
 * when it lasts longer than `outageMaxMs` or `signal` aborts. The work must be right to repeat:
 * what it wrote before may have landed.
 */
export async function retryOnOutage<T>(
  work: () => Promise<T>,
  signal: AbortSignal,
  outageMaxMs = OUTAGE_MAX_MS,
): Promise<T> {
  const untilMs = performance.now() + outageMaxMs;
  for (let pauseMs = PAUSE_FIRST_MS; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS))
    try {
      return await work();
    } catch (error) {
      if (!isOutage(error) || signal.aborted || performance.now() > untilMs) throw error;
      await pause(pauseMs * (0.5 + Math.random() / 2), signal);
    }
}
