/**
 * The connection that appends: opened when it is needed, cut when it does not answer in time. While
 * nothing is appended it is asked whether it still answers, so that no append meets one that fell
 * silent long ago.
 */
import { performance } from 'node:perf_hooks';
import pg from 'pg';
import { ABANDONED_SETTINGS } from '../../postgres/bounded-pool.js';
import { isStandby } from '../../postgres/pool.js';
import { limitTransactionsSql, WRITE_SETTINGS } from './settings.js';

interface AppendConnectionOptions {
  readonly url: string;
  /** The server gives up a statement after this long, also when we are gone. */
  readonly statementTimeoutMs: number;
}

export interface AppendConnection {
  /** The one row of the answer; fails at the deadline at the latest. One question at a time. */
  ask<Row extends pg.QueryResultRow>(query: pg.QueryConfig, deadline: number): Promise<Row>;
  /** Ends in time. */
  close(): Promise<void>;
}

const HEARTBEAT_MS = 2_000;
/** An append that comes meanwhile waits for the heartbeat, and has time for a new connection. */
const HEARTBEAT_ANSWER_MS = 1_000;
const CLOSE_MS = 1_000;

export function openAppendConnection(options: AppendConnectionOptions): AppendConnection {
  let client: pg.Client | undefined;
  let isHeard = false;
  let isAsking = false;
  let beat: Promise<unknown> | undefined;

  async function connect(deadline: number): Promise<pg.Client> {
    const connecting = clientOf(options, deadline);
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

  /** The next question opens another one. */
  function leave(): void {
    const left = client;
    client = undefined;
    if (left) inTime(left, left.end(), performance.now() + CLOSE_MS).catch(() => undefined);
  }

  const heartbeat = setInterval(() => {
    if (!isHeard && !isAsking && client) {
      const asked = client.query('SELECT 1');
      beat = inTime(client, asked, performance.now() + HEARTBEAT_ANSWER_MS)
        .catch(() => undefined)
        .finally(() => (beat = undefined));
    }
    isHeard = false;
  }, HEARTBEAT_MS);
  heartbeat.unref();

  return {
    async ask<Row extends pg.QueryResultRow>(query: pg.QueryConfig, deadline: number) {
      isAsking = true;
      try {
        if (beat) await beat;
        const connected = client ?? (await connect(deadline));
        const { rows } = await inTime(connected, connected.query<Row>(query), deadline);
        isHeard = true;
        if (!rows[0]) throw new Error('the append was not answered');
        return rows[0];
      } catch (error) {
        if (isStandby(error)) leave();
        throw error;
      } finally {
        isAsking = false;
      }
    },
    async close() {
      clearInterval(heartbeat);
      await beat;
      if (client) await inTime(client, client.end(), performance.now() + CLOSE_MS);
    },
  };
}

function clientOf({ url, statementTimeoutMs }: AppendConnectionOptions, deadline: number) {
  return new pg.Client({
    connectionString: url,
    application_name: 'modelroute append',
    options: `${ABANDONED_SETTINGS} ${WRITE_SETTINGS}`,
    statement_timeout: statementTimeoutMs,
    connectionTimeoutMillis: Math.max(1, Math.ceil(deadline - performance.now())),
    keepAlive: true,
  });
}

/** Past the deadline the connection is cut: what waits for it fails, or is over. */
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
