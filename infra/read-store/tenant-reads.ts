/**
 * Reads of callers over connections of their own: neither projectors nor probes wait behind them,
 * and no caller can take them all. A read that cannot be answered in time is a 503.
 */
import type { Pool } from 'pg';
import { createFairSemaphore } from '../concurrency/fair-semaphore.js';
import { StoreUnavailable } from '../event-store/port.js';
import { openPool, type PoolOptions } from '../postgres/pool.js';
import { rowsOf, type Question } from './reading.js';
import type { Row } from './table.js';

export interface TenantReads {
  /**
   * One query of a tenant (or of the operators). Throws `StoreUnavailable` when the tenant has too
   * many under way, when it takes too long, and when the database is away.
   */
  rows(tenant: string, question: Question): Promise<readonly Row[]>;
  /** A look-up by primary key for many callers: it is cheap, and takes no turn. */
  byKey(question: Question): Promise<readonly Row[]>;
}

/** Queries under way at once, of all and of one tenant. */
const QUERIES_MAX = 8;
const SHARE_MAX = QUERIES_MAX / 2;

/** Look-ups of executions and of files, two statements of each at a time. */
const LOOK_UPS_MAX = 4;

/** Of one tenant. With more the caller is told sooner that it asks too much. */
const WAITERS_MAX = 64;

/**
 * A list waits up to a second for its projection, another for its turn, and is then ended by the
 * server. At a million executions the dearest took a seventh of that: docs/performance.md.
 */
const WAIT_MS = 1_000;
const STATEMENT_MS = 1_500;

/**
 * Every read has an index. A plan that reads a whole table reads the rows of all tenants, which a
 * planner that knows only values that are common prefers for one that is not there. A read has one
 * process of the server.
 */
const PLANS =
  '-c jit=off -c enable_seqscan=off -c enable_bitmapscan=off -c enable_hashjoin=off ' +
  '-c max_parallel_workers_per_gather=0 -c default_transaction_read_only=on';

export const openReadPool = (url: string, log: PoolOptions['log']): Pool =>
  openPool(url, {
    max: QUERIES_MAX + LOOK_UPS_MAX,
    applicationName: 'modelroute reads',
    log,
    timeoutMs: STATEMENT_MS,
    settings: PLANS,
  });

export function openTenantReads(pool: Pick<Pool, 'query'>): TenantReads {
  const turns = createFairSemaphore({
    inFlightMax: QUERIES_MAX,
    shareMax: SHARE_MAX,
    waitersMax: WAITERS_MAX,
  });
  return {
    async rows(tenant, question) {
      if (!(await turns.acquire(tenant, WAIT_MS)))
        throw new StoreUnavailable('too many reads of one caller are under way');
      try {
        return await rowsOf(pool, question);
      } finally {
        turns.release(tenant);
      }
    },
    byKey: (question) => rowsOf(pool, question),
  };
}
