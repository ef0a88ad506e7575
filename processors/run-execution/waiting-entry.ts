/** What the waiting room consists of. */
import type { ExecutionId, OrganizationId } from '../../contracts/ids.js';
import type { FairQueue } from '../../domain/routing/fair-queue.js';
import type { WaitingQueue } from '../../domain/routing/waiting-queue.js';
import type { WaitingExecution } from '../../infra/waiting-executions/port.js';
import type { Infra } from '../../runtime/infra.js';
import type { AccountLimits } from './account-limits.js';
import type { ProviderPool } from './provider-pool.js';
import type { ProviderSlots } from './provider-slots.js';
import type { WaitingRows } from './waiting-rows.js';

export interface WaitingSettings {
  /** Beyond it, who joins becomes a row at once. */
  readonly entriesMax: number;
  /** Who has waited for longer becomes a row, unless its queue is done within `soonMs`. */
  readonly memoryMs: number;
  readonly soonMs: number;
  /** How long other processes leave a row alone that this process has taken. */
  readonly takenMs: number;
  /** How often this process finds out which queues have rows. */
  readonly lookMs: number;
}

export const WAITING_SETTINGS: WaitingSettings = {
  entriesMax: 20_000,
  memoryMs: 4_000,
  soonMs: 20_000,
  takenMs: 30_000,
  lookMs: 2_000,
};

/** How an execution is started. */
export interface Start {
  /** Of the notification that led here, where there is one. */
  readonly revision?: number;
  /** Called before the choice of a route, in the same turn. */
  readonly beforeChoice: () => void;
  /** It waited for as long as it may while all its routes rest. */
  readonly isLate: boolean;
}

/** The part of the infrastructure that the room needs. */
export type RoomInfra = Pick<
  Infra,
  'catalogue' | 'instance' | 'log' | 'metrics' | 'now' | 'reports' | 'waiting'
>;

export interface RoomOptions {
  readonly infra: RoomInfra;
  readonly pool: ProviderPool;
  readonly limits: Pick<AccountLimits, 'takesMore' | 'onRoom' | 'run'>;
  readonly slots: ProviderSlots;
  readonly rows: WaitingRows;
  readonly settings: WaitingSettings;
  /** How often it is served in a round of its queue. */
  readonly weightOf: (organizationId: OrganizationId) => number;
  /** Answers how it waits when it has to wait again, and undefined when it does not wait. */
  readonly start: (
    execution: WaitingExecution,
    how: Start,
    signal: AbortSignal,
  ) => Promise<WaitingExecution | undefined>;
}

export interface Entry extends WaitingExecution {
  readonly revision?: number;
  /** Of the monotonic clock. */
  readonly joinedMs: number;
  /** Absent for one that was taken from a row: the row stands for it until it is over. */
  readonly processed?: {
    readonly promise: Promise<void>;
    readonly resolve: () => void;
    readonly reject: (error: unknown) => void;
  };
}

export interface RoomQueue extends WaitingQueue {
  readonly name: string;
  readonly waiting: FairQueue<OrganizationId, Entry>;
  /** The providers that the catalogue in force has for it. */
  waitsFor: readonly string[];
  /** How many of those in memory were taken from rows. */
  ofRows: number;
  /** A page is being taken. */
  isTaking: boolean;
  /** The last page was empty: all rows are taken, or there are none. */
  isDrained: boolean;
  /** Since when all its providers rest. */
  restsSinceMs: number | undefined;
  /** Those that waited too long are being ended. */
  isEnding: boolean;
  /** How many were started since then, and how many a millisecond before that. */
  started: number;
  countedSinceMs: number;
  perMs: number;
}

export interface Room extends RoomOptions, Pick<RoomInfra, 'catalogue' | 'log' | 'now'> {
  /** Undefined until the room is opened. */
  signal: AbortSignal | undefined;
  /** Those in memory, those that are being started included, in the order in which they joined. */
  readonly entries: Map<ExecutionId, Entry>;
  /** In the order of their turns. */
  readonly queues: Map<string, RoomQueue>;
  readonly running: Set<Promise<void>>;
  /** Nothing is started before: the store was away. */
  pausedUntilMs: number;
  queueOf(name: string): RoomQueue;
}
