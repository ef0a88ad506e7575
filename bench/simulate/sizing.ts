/** Arithmetic of sizes: what an execution costs, times how many there are. */

/** Of one execution, as `make bench` and log-shape.ts measured it. */
export interface Cost {
  readonly events: number;
  /** Events that are published to Kafka: those of the execution's own stream. */
  readonly notifications: number;
  readonly eventBytes: number;
  readonly logDiskBytes: number;
  readonly payloadDiskBytes: number;
  readonly readModelDiskBytes: number;
  /** Processor time of ours: to accept it; to read it once; all else until it is settled. */
  readonly acceptMs: number;
  readonly readMs: number;
  readonly workMs: number;
  readonly reads: number;
  /** PostgreSQL's for read models, timers, leases and checkpoints. */
  readonly readModelMs: number;
}

export interface Size {
  readonly eventsPerSecond: number;
  readonly notificationsPerSecond: number;
  readonly eventMegabytesPerSecond: number;
  readonly logGigabytesPerDay: number;
  readonly payloadGigabytesPerDay: number;
  readonly readModelGigabytesPerDay: number;
  readonly commandProcesses: number;
  readonly queryProcesses: number;
  readonly workProcesses: number;
  readonly readModelCores: number;
}

/** How busy a process may be kept: above it, waiting grows faster than work. */
const BUSY_MAX = 0.65;
/** One may always die. */
const REPLICAS_MIN = 2;
const SECONDS_PER_DAY = 86_400;

export function sizeOf(executionsPerSecond: number, cost: Cost): Size {
  const processes = (ms: number) =>
    Math.max(REPLICAS_MIN, Math.ceil((executionsPerSecond * ms) / 1000 / BUSY_MAX));
  const perDay = (bytes: number) => (executionsPerSecond * SECONDS_PER_DAY * bytes) / 1e9;
  return {
    eventsPerSecond: executionsPerSecond * cost.events,
    notificationsPerSecond: executionsPerSecond * cost.notifications,
    eventMegabytesPerSecond: (executionsPerSecond * cost.eventBytes) / 1e6,
    logGigabytesPerDay: perDay(cost.logDiskBytes),
    payloadGigabytesPerDay: perDay(cost.payloadDiskBytes),
    readModelGigabytesPerDay: perDay(cost.readModelDiskBytes),
    commandProcesses: processes(cost.acceptMs),
    queryProcesses: processes(cost.readMs * cost.reads),
    workProcesses: processes(cost.workMs),
    readModelCores: (executionsPerSecond * cost.readModelMs) / 1000,
  };
}
