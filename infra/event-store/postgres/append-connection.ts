/** The connection that appends: opened when it is needed, cut when it does not answer in time. */
import { performance } from 'node:perf_hooks';
import pg from 'pg';
import { limitTransactionsSql, WRITE_SETTINGS } from './settings.js';

interface AppendConnectionOptions {
  readonly url: string;
  /** The server gives up a statement after this long, also when we are gone. */
  readonly statementTimeoutMs: number;
}

export interface AppendConnection {
  /** The one row of the answer; fails at the deadline at the latest. */
  ask<Row extends pg.QueryResultRow>(query: pg.QueryConfig, deadline: number): Promise<Row>;
  close(): Promise<void>;
}

export function openAppendConnection({
  url,
  statementTimeoutMs,
}: AppendConnectionOptions): AppendConnection {
  let client: pg.Client | undefined;

  async function connect(deadline: number): Promise<pg.Client> {
    const connecting = new pg.Client({
      connectionString: url,
      application_name: 'modelroute append',
      options: WRITE_SETTINGS,
      statement_timeout: statementTimeoutMs,
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
    async ask<Row extends pg.QueryResultRow>(query: pg.QueryConfig, deadline: number) {
      const connected = client ?? (await connect(deadline));
      const { rows } = await inTime(connected, connected.query<Row>(query), deadline);
      if (!rows[0]) throw new Error('the append was not answered');
      return rows[0];
    },
    async close() {
      await client?.end();
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
