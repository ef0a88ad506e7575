/**
 * Executions that wait longer than a process keeps them in memory, as rows that all processes
 * share. A row is a hint: the log decides what becomes of its execution.
 */
import type { ExecutionId, OrganizationId } from '../../contracts/ids.js';

export interface WaitingExecution {
  readonly executionId: ExecutionId;
  readonly organizationId: OrganizationId;
  /** See domain/routing/waiting-queue.ts. */
  readonly queue: string;
  /** The event that led here. */
  readonly cause: string;
  /** Milliseconds since the epoch. */
  readonly sinceMs: number;
}

export interface Taking {
  readonly queue: string;
  /** Names the process; nobody else takes the rows until `forMs` have passed. */
  readonly holder: string;
  readonly forMs: number;
  readonly limit: number;
}

export interface WaitingQueueSize {
  readonly queue: string;
  readonly waiting: number;
  readonly oldestSinceMs: number;
}

/** Every method throws when the database is away. */
export interface WaitingExecutions {
  /** One that has a row already waits anew, as given. */
  add(executions: readonly WaitingExecution[]): Promise<void>;
  /**
   * Rows that nobody has taken: an equal share for each of at most `organizationsMax` organizations
   * behind `afterOrganization`, oldest first.
   */
  take(
    taking: Taking & { readonly afterOrganization: string; readonly organizationsMax: number },
  ): Promise<readonly WaitingExecution[]>;
  /** Rows that nobody has taken and that have waited since then or longer, oldest first. */
  takeOlder(taking: Taking & { readonly sinceMs: number }): Promise<readonly WaitingExecution[]>;
  /** Nobody else takes these for as long again. */
  keep(executionIds: readonly ExecutionId[], holder: string, forMs: number): Promise<void>;
  /** Everything that this holder had taken may be taken again. */
  giveBack(holder: string): Promise<void>;
  /** Only where the row still is of that wait; of any without `sinceMs`. */
  remove(executions: readonly EndedWait[]): Promise<void>;
  /** The queues that have rows. */
  queues(): Promise<readonly string[]>;
  sizes(): Promise<readonly WaitingQueueSize[]>;
}

export interface EndedWait {
  readonly executionId: ExecutionId;
  readonly sinceMs?: number;
}
