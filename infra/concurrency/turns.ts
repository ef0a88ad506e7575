/**
 * Long work in short turns of the event loop: whoever has much to compute at once asks between its
 * parts whether its turn has lasted long enough.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Well below what a caller notices, and so long that the turns themselves cost nothing. */
const TURN_MS = 4;

/** Resolves at once, or in the next turn of the event loop where this one has lasted. */
export type GiveWay = () => Promise<void>;

export function openTurns(turnMs = TURN_MS): GiveWay {
  let sinceMs = performance.now();
  return async () => {
    if (performance.now() - sinceMs < turnMs) return;
    await nextTurn();
    sinceMs = performance.now();
  };
}
