/** Asks a service that may be away until it answers. */
import { pause } from './pause.js';

/** How long a loop waits before it asks a service again that did not answer. */
export const OUTAGE_PAUSE_MS = 500;

/** Asks until there is an answer; undefined when the signal aborts first. */
export async function untilAnswered<T>(
  ask: () => Promise<T>,
  signal: AbortSignal,
  onOutage: (error: unknown) => void,
): Promise<T | undefined> {
  while (!signal.aborted) {
    try {
      return await ask();
    } catch (error) {
      onOutage(error);
      await pause(OUTAGE_PAUSE_MS, signal);
    }
  }
  return undefined;
}
