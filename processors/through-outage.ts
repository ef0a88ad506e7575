/** Work that is worth waiting for the store: it is done again until the outage is over. */
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreOverloaded, StoreUnavailable } from '../infra/event-store/port.js';

/**
 * Shorter than the timers' pauses, so that who knows an outcome is there before who doubts it; long
 * enough that hundreds who wait do not keep a slow store slow.
 */
const PAUSE_FIRST_MS = 50;
const PAUSE_MAX_MS = 1_000;
/** Longer than any restart or failover of a database; then others have to find out. */
const OUTAGE_MAX_MS = 10 * 60_000;

/**
 * Throws what is no outage at once, and the outage itself when it lasts too long or `signal`
 * aborts. The work must be right to repeat: what it wrote before may have landed.
 */
export async function throughOutage<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const untilMs = performance.now() + OUTAGE_MAX_MS;
  for (let pauseMs = PAUSE_FIRST_MS; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS))
    try {
      return await work();
    } catch (error) {
      if (!isOutage(error) || signal.aborted || performance.now() > untilMs) throw error;
      const byChanceMs = pauseMs * (0.5 + Math.random() / 2);
      await sleep(byChanceMs, undefined, { signal }).catch(() => undefined);
    }
}

/** The store or the disk cannot take anything now; neither is anybody's poison. */
export function isOutage(error: unknown): boolean {
  if (error instanceof StoreUnavailable || error instanceof StoreOverloaded) return true;
  const { code = '' } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  return ['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EMFILE', 'ENFILE'].includes(code);
}
