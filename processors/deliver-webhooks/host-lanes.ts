/**
 * One lane per host: so many at work on it at a time, the others wait in line, first come first
 * served, up to a bound. A host that answers slowly, or never, fills its own lane and no other.
 */
export interface HostLanes {
  /** Whether the lane was entered: at once, or when its turn has come. Who entered must leave. */
  enter(host: string): boolean | Promise<boolean>;
  leave(host: string): void;
  /** Turns away everybody who waits, and everybody who comes. */
  close(): void;
}

interface Lane {
  busy: number;
  readonly waiting: ((entered: boolean) => void)[];
}

export function openHostLanes(busyMax: number, waitingMax: number): HostLanes {
  const lanes = new Map<string, Lane>();
  let isClosed = false;
  return {
    enter(host) {
      const lane = lanes.get(host) ?? { busy: 0, waiting: [] };
      if (isClosed || lane.waiting.length >= waitingMax) return false;
      lanes.set(host, lane);
      if (lane.busy >= busyMax) return new Promise((resolve) => lane.waiting.push(resolve));
      lane.busy += 1;
      return true;
    },
    leave(host) {
      const lane = lanes.get(host);
      if (!lane) return;
      const next = lane.waiting.shift();
      if (next) return next(true);
      lane.busy -= 1;
      if (lane.busy === 0) lanes.delete(host);
    },
    close() {
      isClosed = true;
      for (const { waiting } of lanes.values())
        for (const turnAway of waiting.splice(0)) turnAway(false);
    },
  };
}
