/** Reads of a log that wait out a shorter outage: everything in a transfer may be repeated. */
import { retryOnOutage } from '../../infra/event-store/outage.js';
import type { RawLog } from '../../infra/event-store/raw-log.js';

const OUTAGE_MAX_MS = 60_000;

export const throughOutage = <T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> =>
  retryOnOutage(work, signal, OUTAGE_MAX_MS);

/** `append` is left as it is: what became of one that failed is for its caller to find out. */
export const readThroughOutages = (log: RawLog, signal: AbortSignal): RawLog => ({
  ...log,
  page: (after, limit) => throughOutage(() => log.page(after, limit), signal),
  newest: (limit) => throughOutage(() => log.newest(limit), signal),
});
