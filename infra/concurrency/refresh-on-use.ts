/**
 * A value that is brought up to date in the background while it is used: whoever uses it says so,
 * and when the last refresh is old enough, the next one begins.
 */
export interface RefreshOnUse {
  /** Never waits, never throws. */
  used(): void;
  /** Waits for a refresh that begins now, or one that is under way. */
  refresh(): Promise<void>;
}

interface RefreshOptions {
  readonly refresh: () => Promise<void>;
  /** From the beginning of one refresh to that of the next, at least. */
  readonly everyMs: number;
  /** Told of a refresh that failed in the background; the value stays as it was. */
  readonly onError: (error: unknown) => void;
}

export function refreshOnUse({ refresh, everyMs, onError }: RefreshOptions): RefreshOnUse {
  let nextAtMs = -Infinity;
  let underWay: Promise<void> | undefined;
  const begin = (): Promise<void> => {
    nextAtMs = performance.now() + everyMs;
    underWay ??= refresh().finally(() => (underWay = undefined));
    return underWay;
  };
  return {
    used() {
      if (!underWay && performance.now() >= nextAtMs) begin().catch(onError);
    },
    refresh: begin,
  };
}
