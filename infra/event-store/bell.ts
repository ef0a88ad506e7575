/** Wakes the one who waits; a ring while nobody waits is kept for the next wait. */
interface Bell {
  readonly ring: () => void;
  /** Until the bell rings, or `timeoutMs` have passed. */
  wait(timeoutMs?: number): Promise<void>;
}

export function createBell(): Bell {
  let rung = false;
  let wake: (() => void) | undefined;
  return {
    ring() {
      if (wake) wake();
      else rung = true;
    },
    async wait(timeoutMs) {
      if (!rung) {
        let timer: NodeJS.Timeout | undefined;
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (timeoutMs !== undefined) timer = setTimeout(resolve, timeoutMs);
        });
        clearTimeout(timer);
        wake = undefined;
      }
      rung = false;
    },
  };
}
