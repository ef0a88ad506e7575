/**
 * The one connection that appends. A batch is one round trip and one transaction of its own, so a
 * process that stops in the middle never holds the append lock.
 *
 * After an outage the outcome of a batch is unknown. The same batch is sent again on a new
 * connection until its deadline: what had landed is recognised by its ids. A batch that PostgreSQL
 * refuses is halved until the bad unit stands alone; only that one is rejected.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { InvalidEvent, type LogRow, type StoreLog } from '../codec.js';
import { StoreUnavailable } from '../port.js';
import type { EncodedUnit } from '../unit.js';
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
import { limitTransactionsSql, WRITE_SETTINGS } from './settings.js';

export interface AppenderOptions {
  readonly url: string;
  readonly log: StoreLog;
  /** The server gives up a statement after this long, also when we are gone. */
  readonly statementTimeoutMs: number;
  /** Everything of a batch landed right behind `previous`; `rows` builds the rows on demand. */
  readonly onLanded: (previous: bigint, rows: () => readonly LogRow[]) => void;
  /** Some of a batch landed. */
  readonly onMoved: () => void;
}

export interface Appender {
  /** One result per unit, in order, at the latest at the deadline; never rejects. */
  write(units: readonly EncodedUnit[], deadline: number): Promise<readonly UnitResult[]>;
  close(): Promise<void>;
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
  const { log, onLanded, onMoved } = options;
  const stats = { careful: 0, retries: 0, halvings: 0 };
  let client: pg.Client | undefined;
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

  async function land(batch: Batch, deadline: number): Promise<readonly UnitResult[]> {
    const { units } = batch;
    const previous = batch.straight ? await landStraight(batch, deadline) : undefined;
    if (previous !== undefined) {
      onLanded(previous, () => rowsOf(units, previous));
      return landedOutcomes(units, previous);
    }
    stats.careful++;
    const ask = { name: 'append-one-by-one', text: carefulSql, values: batch.carefulParameters() };
    const answer = await roundTrip<CarefulAnswer>(ask, deadline);
    onMoved();
    return carefulOutcomes(units, answer);
  }

  /** Undefined when not all of it fits. */
  async function landStraight(batch: Batch, deadline: number): Promise<bigint | undefined> {
    const ask = { name: 'append', text: straightSql, values: batch.straightParameters() };
    try {
      const { previous } = await roundTrip<{ previous: string | null }>(ask, deadline);
      return previous === null ? undefined : BigInt(previous);
    } catch (error) {
      if (isTaken(error)) return undefined;
      throw error;
    }
  }

  async function roundTrip<Row extends pg.QueryResultRow>(
    query: pg.QueryConfig,
    deadline: number,
  ): Promise<Row> {
    const connected = client ?? (await connect(deadline));
    const { rows } = await inTime(connected, connected.query<Row>(query), deadline);
    if (!rows[0]) throw new Error('the append was not answered');
    return rows[0];
  }

  async function connect(deadline: number): Promise<pg.Client> {
    const connecting = new pg.Client({
      connectionString: options.url,
      application_name: 'modelroute append',
      options: WRITE_SETTINGS,
      statement_timeout: options.statementTimeoutMs,
      connectionTimeoutMillis: Math.max(1, Math.ceil(deadline - performance.now())),
      keepAlive: true,
    });
    const forget = () => {
      if (client === connecting) client = undefined;
    };
    connecting.on('error', forget);
    connecting.on('end', forget);
    await connecting.connect();
    await inTime(connecting, connecting.query(limitTransactionsSql), deadline);
    client = connecting;
    return connecting;
  }

  return {
    write,
    async close() {
      await client?.end();
    },
    get stats() {
      return { ...stats };
    },
  };
}

/** Past the deadline the connection is cut: the query fails as on any lost connection. */
async function inTime<T>(client: pg.Client, asked: Promise<T>, deadline: number): Promise<T> {
  const { connection } = client as unknown as { connection: { stream: { destroy(): void } } };
  const leftMs = Math.max(0, deadline - performance.now());
  const timer = setTimeout(() => connection.stream.destroy(), leftMs);
  try {
    return await asked;
  } finally {
    clearTimeout(timer);
  }
}

/** The server's message without its detail, which may hold values. */
const describe = (error: unknown): string =>
  error instanceof Error ? error.message || error.name : String(error);
