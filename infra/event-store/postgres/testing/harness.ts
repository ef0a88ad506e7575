/** The contract suite's way into the PostgreSQL adapter, for specs. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { freshDatabase } from '../../../postgres/testing/fresh-database.js';
import { migrate } from '../../../postgres/migrate.js';
import type { Harness } from '../../testing/contract/harness.js';
import { createCodec, type StoreLog } from '../../codec.js';
import { encodeUnit } from '../../unit.js';
import { batchOf, straightSql } from '../batch.js';
import { eventStoreMigrations } from '../../../migrations/all.js';
import { openPostgresEventStore, type PostgresEventStore } from '../postgres.js';

export interface PostgresHarness extends Harness {
  readonly url: string;
  readonly store: PostgresEventStore;
  /** A connection of the spec's own, with every right. */
  readonly admin: pg.Pool;
}

export async function openPostgresHarness(log: StoreLog): Promise<PostgresHarness> {
  const database = await freshDatabase();
  const { url } = database;
  const admin = new pg.Pool({ connectionString: url, max: 4 });
  admin.on('error', () => undefined);
  await migrate(admin, eventStoreMigrations);
  const store = openPostgresEventStore({ url, log });
  return {
    url,
    store,
    admin,
    openAnother: async (options) => openPostgresEventStore({ url, log, ...options }),
    payload: (ref) => store.smallPayloads.get(ref),
    async appendRaw({ stream, revision, type, data, metadata }) {
      await admin.query(
        `INSERT INTO eventstore.events (position, stream, revision, id, type, data, metadata)
         SELECT max(position) + 1, $1, $2, $3, $4, $5, $6 FROM eventstore.events`,
        [stream, revision, randomUUID(), type, data, metadata],
      );
    },
    processes: { module: new URL('./contract-child.ts', import.meta.url), args: [url] },
    async holdOpen(unit) {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.query('BEGIN');
      const batch = batchOf([encodeUnit(createCodec(log), unit)]);
      await client.query(straightSql, batch.straightParameters());
      return {
        async commit() {
          await client.query('COMMIT');
          await client.end();
        },
      };
    },
    cut: async () => cutAll(admin),
    async close() {
      await store.close();
      await admin.end();
      await database.drop();
    },
  };
}

/** Ends every backend of this database that is not the spec's own. */
export async function cutAll(admin: pg.Pool): Promise<void> {
  await admin.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name LIKE 'modelroute%'`,
  );
}
