/**
 * Appends batches over one connection. A batch is one round trip and one transaction of its own, so
 * a process that stops in the middle never holds the append lock.
 *
 * After an outage the outcome of a batch is unknown. The same batch is sent again on a new
 * connection until its deadline: what had landed is recognised by its ids. A batch that PostgreSQL
 * refuses is halved until the bad unit is alone; only that one is rejected.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { InvalidEvent, type LogRow, type StoreLog } from '../codec.js';
import { StoreUnavailable, type AppendOutcome } from '../port.js';
import type { EncodedUnit } from '../unit.js';
import type { AppendConnection } from './append-connection.js';
import {
  batchOf,
  carefulOutcomes,
  carefulSql,
  landedOutcomes,
  rowsOf,
  straightSql,
  type Batch,
  type CarefulAnswer,
} from './batch.js';
import { failureOf, isTaken } from './failures.js';
import type { UnitResult } from './group-commit.js';

interface AppenderOptions {
  readonly connection: AppendConnection;
  readonly log: StoreLog;
  /** Everything of a batch landed right behind `previous`; `rows` builds the rows on demand. */
  readonly onLanded: (previous: bigint, rows: () => readonly LogRow[]) => void;
  /** Some of a batch landed. */
  readonly onMoved: () => void;
}

interface Appender {
  /** One result per unit, in order, at the latest at the deadline. */
  write(units: readonly EncodedUnit[], deadline: number): Promise<readonly UnitResult[]>;
  readonly stats: AppenderStats;
}

export interface AppenderStats {
  /** Batches in which something did not fit at first sight. */
  readonly careful: number;
  readonly retries: number;
  readonly halvings: number;
}

const RETRY_PAUSE_MS = 50;

/** With less time left a batch would only be begun to be cut off. */
const TRY_MS_MIN = 20;

export function createAppender(options: AppenderOptions): Appender {
  const { connection, log, onLanded, onMoved } = options;
  const stats = { careful: 0, retries: 0, halvings: 0 };
  let away = false;

  async function write(
    units: readonly EncodedUnit[],
    deadline: number,
  ): Promise<readonly UnitResult[]> {
    if (deadline - performance.now() < TRY_MS_MIN)
      return units.map(() => new StoreUnavailable('the append waited too long to be tried'));
    const batch = batchOf(units);
    for (;;) {
      try {
        const outcomes = await land(batch, deadline);
        if (away) log.warn({}, 'the event store is back');
        away = false;
        return outcomes;
      } catch (error) {
        const failure = failureOf(error);
        if (failure === 'refused') return halve(units, deadline, error);
        if (!away) log.warn({ error: describe(error), failure }, 'the event store is away');
        away = true;
        const again = failure === 'outage' && performance.now() + RETRY_PAUSE_MS < deadline;
        if (!again) return units.map(() => new StoreUnavailable(describe(error), error));
        stats.retries++;
        await pause(RETRY_PAUSE_MS);
      }
    }
  }

  async function halve(
    units: readonly EncodedUnit[],
    deadline: number,
    error: unknown,
  ): Promise<readonly UnitResult[]> {
    if (units.length <= 1) return [new InvalidEvent('the event store refuses this unit', error)];
    stats.halvings++;
    const middle = units.length >> 1;
    const first = await write(units.slice(0, middle), deadline);
    return [...first, ...(await write(units.slice(middle), deadline))];
  }

  async function land(
    batch: Batch,
    deadline: number,
  ): Promise<readonly (readonly AppendOutcome[])[]> {
    const { units } = batch;
    const previous = batch.straight ? await landStraight(connection, batch, deadline) : undefined;
    if (previous !== undefined) {
      onLanded(previous, () => rowsOf(units, previous));
      return landedOutcomes(units, previous);
    }
    stats.careful++;
    const ask = { name: 'append-one-by-one', text: carefulSql, values: batch.carefulParameters() };
    const answer = await connection.ask<CarefulAnswer>(ask, deadline);
    onMoved();
    return carefulOutcomes(units, answer);
  }

  return {
    write,
    get stats() {
      return { ...stats };
    },
  };
}

/** The position behind which the batch landed; undefined when not all of it fits. */
async function landStraight(
  connection: AppendConnection,
  batch: Batch,
  deadline: number,
): Promise<bigint | undefined> {
  const ask = { name: 'append', text: straightSql, values: batch.straightParameters() };
  try {
    const { previous } = await connection.ask<{ previous: string | null }>(ask, deadline);
    return previous === null ? undefined : BigInt(previous);
  } catch (error) {
    if (isTaken(error)) return undefined;
    throw error;
  }
}

/** The server's message without its detail, which may hold values. */
const describe = (error: unknown): string =>
  error instanceof Error ? error.message || error.name : String(error);
