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
import { appendParameters, appendSql, outcomesOf, rowsOf, type AppendAnswer } from './batch.js';
import { failureOf } from './failures.js';
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
  readonly stats: { readonly retries: number; readonly halvings: number };
}

const RETRY_PAUSE_MS = 50;

export function createAppender(options: AppenderOptions): Appender {
  const { log, onLanded, onMoved } = options;
  const stats = { retries: 0, halvings: 0 };
  let client: pg.Client | undefined;
  let away = false;

  async function write(
    units: readonly EncodedUnit[],
    deadline: number,
  ): Promise<readonly UnitResult[]> {
    for (;;) {
      try {
        const answer = await roundTrip(units, deadline);
        if (away) log.warn({}, 'the event store is back');
        away = false;
        if (answer.statuses) onMoved();
        else onLanded(BigInt(answer.previous), () => rowsOf(units, BigInt(answer.previous)));
        return outcomesOf(units, answer);
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

  async function roundTrip(units: readonly EncodedUnit[], deadline: number): Promise<AppendAnswer> {
    const connected = client ?? (await connect(deadline));
    const query = { name: 'append', text: appendSql, values: appendParameters(units) };
    const asked = connected.query<AppendAnswer>(query);
    const timer = setTimeout(() => cut(connected), Math.max(0, deadline - performance.now()));
    try {
      const [answer] = (await asked).rows;
      if (!answer) throw new Error('the append was not answered');
      return answer;
    } finally {
      clearTimeout(timer);
    }
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
    await connecting.query(limitTransactionsSql);
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

/** Ends a query that will not be waited for any longer: it fails as on a lost connection. */
function cut(client: pg.Client): void {
  const { stream } = (client as unknown as { connection: { stream: { destroy(): void } } })
    .connection;
  stream.destroy();
}

/** The server's message without its detail, which may hold values. */
const describe = (error: unknown): string =>
  error instanceof Error ? error.message || error.name : String(error);
