/** The contract suite's way into the EventStoreDB adapter, for specs. */
import { randomUUID } from 'node:crypto';
import { freshDatabase } from '../../../postgres/testing/fresh-database.js';
import { migrate } from '../../../postgres/migrate.js';
import { openPool } from '../../../postgres/pool.js';
import type { EncodedEvent, StoreLog } from '../../codec.js';
import type { Harness } from '../../testing/contract/harness.js';
import { eventStoreMigrations } from '../../../migrations/all.js';
import { openTcpProxy, type TcpProxy } from '../../../../testing/tcp-proxy.js';
import { connectLog } from '../client.js';
import { openEventStoreDb, type EventStoreDb } from '../eventstoredb.js';
import { behind } from './origin-harness.js';

export interface EventStoreDbHarness extends Harness {
  readonly url: string;
  readonly databaseUrl: string;
  readonly store: EventStoreDb;
  /** What `url` leads through; undefined before a server that is not ours. */
  readonly proxy: TcpProxy | undefined;
}

/** The log begins for it where the server's log ends now. */
export async function openEventStoreDbHarness(
  server: { readonly url: string; readonly isOurs: boolean },
  log: StoreLog,
): Promise<EventStoreDbHarness> {
  const database = await freshDatabase();
  const databaseUrl = database.url;
  await migrateSideTables(databaseUrl);
  const proxy = server.isOurs ? await openTcpProxy(server.url) : undefined;
  const url = proxy?.url ?? server.url;
  const client = connectLog(server.url);
  const first = openEventStoreDb({ url, databaseUrl, log });
  const origin = await first.head();
  const store = behind(origin, first);
  return {
    url,
    databaseUrl,
    store,
    proxy,
    openAnother: async (options) =>
      behind(origin, openEventStoreDb({ url, databaseUrl, log, ...options })),
    payload: (ref) => store.smallPayloads.get(ref),
    async appendRaw({ stream, revision, type, data, metadata }) {
      const event = { id: randomUUID(), type, data, metadata } as EncodedEvent;
      const append = { stream, expectedRevision: revision - 1, events: [event] };
      const answer = await client.append(append, 2_000);
      if (answer.kind !== 'landed') throw new Error(`not appended: ${JSON.stringify(answer)}`);
    },
    processes: {
      module: new URL('./contract-child.ts', import.meta.url),
      args: [server.url, databaseUrl, `${origin}`],
    },
    holdOpen: 'EventStoreDB has no transactions that stay open',
    cut: proxy
      ? async () => {
          proxy.mode = 'away';
          proxy.mode = 'through';
        }
      : 'the connections to a server that is not ours are left alone',
    async close() {
      await Promise.all([store.close(), client.close()]);
      await proxy?.close();
      await database.drop();
    },
  };
}

export async function migrateSideTables(url: string): Promise<void> {
  const log = { warn: () => undefined, error: () => undefined, info: () => undefined };
  const pool = openPool(url, { max: 1, applicationName: 'spec', log: log });
  await migrate(pool, eventStoreMigrations);
  await pool.end();
}
