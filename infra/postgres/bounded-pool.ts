/**
 * A pool whose questions end in time, also when the server falls silent: no answer, no FIN, no RST,
 * while its kernel takes what it is sent.
 *
 * A connection in use is closed when its answer is late. Of idle ones all but one are closed soon,
 * and the last one is asked whether it still answers; so nobody meets a connection that fell silent
 * long ago, and within 5 s after a silence every connection has been made since, or has answered.
 *
 *   last use ──┬─ 2 s: the heartbeat asks ──┬─ answered: kept
 *              └─ 3 s: closed, if not last  └─ no answer in time: closed
 */
import { performance } from 'node:perf_hooks';
import pg from 'pg';

export interface BoundedPoolOptions {
  readonly max: number;
  readonly applicationName: string;
  readonly log: { warn(fields: object, message: string): void };
  /**
   * From a question to its answer or its failure, the wait for a connection included; a statement
   * on a connection that was taken has as long. 0: no bound, for rebuilds and migrations.
   */
  readonly timeoutMs: number;
  /** Of the server, for every connection: `-c name=value …`. */
  readonly settings?: string;
  readonly types?: pg.CustomTypesConfig;
}

const CONNECT_MS = 1_900;
const HEARTBEAT_MS = 2_000;
const IDLE_MS = 3_000;
const STATEMENT_SHARE = 0.9;

/** What the server does about a connection that nobody uses any more, though nobody closed it. */
export const ABANDONED_SETTINGS =
  '-c idle_in_transaction_session_timeout=4s -c idle_session_timeout=30s ' +
  '-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=3 -c tcp_keepalives_count=3';

export function openBoundedPool(url: string, options: BoundedPoolOptions): pg.Pool {
  const { max, applicationName, log, timeoutMs, settings = '', types } = options;
  const isBounded = timeoutMs > 0;
  const pool = new pg.Pool({
    connectionString: url,
    max,
    min: 1,
    application_name: applicationName,
    connectionTimeoutMillis: isBounded ? Math.min(CONNECT_MS, timeoutMs) : CONNECT_MS,
    idleTimeoutMillis: IDLE_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    ...(types && { types }),
    ...(isBounded && {
      options: `${ABANDONED_SETTINGS} ${settings}`,
      // The server's word comes first, where it can be heard: it leaves the connection as it was.
      statement_timeout: Math.ceil(timeoutMs * STATEMENT_SHARE),
      query_timeout: timeoutMs,
    }),
  });
  // A broken connection is also an 'error' event, which would end the process if nobody listened:
  // the pool hears of idle ones, and only the client itself of those in use.
  // The error carries the whole client, so its words alone are logged; a pool that is being closed
  // has lost nothing when the server ends first.
  pool.on('error', ({ message: reason }) => {
    if (!pool.ending) log.warn({ reason, application: applicationName }, 'Connection lost');
  });
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
  });
  if (isBounded) {
    boundQuestions(pool, timeoutMs);
    keepHeartbeat(pool);
  }
  return pool;
}

type Ask = (question: pg.QueryConfig) => Promise<pg.QueryResult>;

/** The wait for a connection leaves the statement so much less time. */
function boundQuestions(pool: pg.Pool, timeoutMs: number): void {
  const ask: Ask = async (question) => {
    const deadline = performance.now() + timeoutMs;
    const client = await pool.connect();
    let failure: Error | undefined;
    try {
      const leftMs = Math.max(1, Math.ceil(deadline - performance.now()));
      return await client.query(Object.assign(question, { query_timeout: leftMs }));
    } catch (error) {
      failure = error as Error;
      throw error;
    } finally {
      client.release(failure);
    }
  };
  const query = (question: string | pg.QueryConfig, values?: unknown[]) => {
    const asked = typeof question === 'string' ? { text: question } : { ...question };
    return ask(values ? Object.assign(asked, { values }) : asked);
  };
  pool.query = query as typeof pool.query;
}

/** Asks only where nothing was answered since the last beat. Ends with the pool. */
function keepHeartbeat(pool: pg.Pool): void {
  let isHeard = true;
  pool.on('release', (error?: Error) => {
    if (!error) isHeard = true;
  });
  const timer = setInterval(() => {
    if (pool.ending) return clearInterval(timer);
    const isAlive = isHeard || pool.idleCount === 0;
    isHeard = false;
    // One that does not answer is closed, and whoever asks next opens another one.
    if (!isAlive) pool.query('SELECT 1').catch(() => undefined);
  }, HEARTBEAT_MS);
  timer.unref();
}
