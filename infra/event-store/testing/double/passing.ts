/**
 * What it costs a server to look at an event and not to send it: about a microsecond. It is paid
 * in pauses, during which others are served.
 */
import type { Knobs } from './behaviour.js';

export interface Passing {
  passed(events: number): void;
  /** How long to wait before going on; 0 while that is not worth a pause. */
  takeMs(): number;
}

const WORTH_A_PAUSE_MS = 5;

export function openPassing(knobs: Knobs): Passing {
  let owedMs = 0;
  return {
    passed: (events) => {
      owedMs += (events * knobs.now.passMicros) / 1000;
    },
    takeMs: () => {
      if (owedMs < WORTH_A_PAUSE_MS) return 0;
      const taken = owedMs;
      owedMs = 0;
      return taken;
    },
  };
}
