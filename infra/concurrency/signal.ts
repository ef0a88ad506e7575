/** Ends a wait. A notification while nobody waits is kept, once, for the next wait. */
interface Signal {
  readonly notify: () => void;
  /** Resolves at the notification, or after `timeoutMs`. For one waiter at a time. */
  wait(timeoutMs?: number): Promise<void>;
}

export function createSignal(): Signal {
  let isPending = false;
  let resume: (() => void) | undefined;
  return {
    notify() {
      if (resume) resume();
      else isPending = true;
    },
    async wait(timeoutMs) {
      if (!isPending) {
        let timer: NodeJS.Timeout | undefined;
        await new Promise<void>((resolve) => {
          resume = resolve;
          if (timeoutMs !== undefined) timer = setTimeout(resolve, timeoutMs);
        });
        clearTimeout(timer);
        resume = undefined;
      }
      isPending = false;
    },
  };
}
