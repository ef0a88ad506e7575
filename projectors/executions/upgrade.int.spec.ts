/** A database of the first release: its rows become the documents that a fold of the log gives. */
import { expect } from 'chai';
import { pino } from 'pino';
import type { Pool } from 'pg';
import { readModelMigrations } from '../../infra/migrations/all.js';
import { migrate } from '../../infra/postgres/migrate.js';
import { openPool } from '../../infra/postgres/pool.js';
import { freshDatabase } from '../../infra/postgres/testing/fresh-database.js';
import { rebuild } from '../testing/rebuild-one.js';
import { openReadModels, storyOf, type ReadModels } from '../testing/kit.js';
import { executions } from './executions.js';

const FIRST_RELEASE = 306;
const METADATA = { order: '4711', '': 'a NUL \0, a "quote", a \\, a\ttab and 川' };

/** What version 1 of the projection wrote for the facts below. */
const OLD_ROWS = `
  INSERT INTO readmodel.executions VALUES
    ($1, $4, 'key', 'text-generation-standard', 'text', 'COMPLETED', 8000, 10000, 4000, 3000,
      '2026-01-31T12:00:00Z', '2026-01-31T12:05:00Z', '2026-01-31T12:00:01Z',
      '2026-01-31T12:00:06Z', $5, '{"text":"Rivers meander."}',
      $6, NULL, 3, 3),
    ($2, $4, 'key', 'text-generation-standard', 'text', 'FAILED', 8000, 10000, NULL, NULL,
      '2026-01-31T12:00:00Z', '2026-01-31T12:05:00Z', NULL, '2026-01-31T12:00:01Z', $5, NULL,
      NULL, '{"code":"GENERATION_FAILED","message":"It failed.","retryable":true}', 1, 5),
    ($3, $4, 'key', 'text-generation-standard', 'text', 'PENDING', 8000, 10000, NULL, NULL,
      '2026-01-31T12:00:00Z', '2026-01-31T12:05:00Z', NULL, NULL, $5, NULL, NULL, NULL, 0, 6)`;

describe('executions of the first release', () => {
  let models: ReadModels;
  let old: { readonly pool: Pool; close(): Promise<void> };

  before(async () => {
    models = await openReadModels();
    const database = await freshDatabase();
    const log = pino({ level: 'silent' });
    const pool = openPool(database.url, { max: 4, applicationName: 'modelroute spec', log });
    old = {
      pool,
      async close() {
        await pool.end();
        await database.drop();
      },
    };
  });
  after(async () => {
    await old?.close();
    await models?.close();
  });

  const rowsIn = async (pool: Pool, columns = 'e.*') => {
    const row = `ROW(${columns})::text AS row`;
    const { rows } = await pool.query<object>(`SELECT ${row} FROM readmodel.executions e`);
    return rows.map((one) => JSON.stringify(one)).sort();
  };
  /** All but the key, which the first documents did not keep. */
  const KEPT = 'id, organization_id, model, status, created_at, output, body, revision, position';

  it('are converted byte for byte, and built anew from the log', async () => {
    const [first, second, third] = [1, 2, 3].map(() => storyOf(undefined, undefined, METADATA));
    if (!first || !second || !third) throw new Error('there are three');
    await models.append(first.requested(0), first.dispatched(1), first.delivered(5));
    await models.append(first.completed(6), second.requested(0), second.failed(1));
    await models.append(third.requested(0));
    await models.project(executions);

    const released = readModelMigrations.filter(({ id }) => id <= FIRST_RELEASE);
    await migrate(old.pool, released);
    const ids = [first, second, third].map(({ executionId }) => executionId);
    const output = '{"ref":"output","sha256":"' + 'ab'.repeat(32) + '","bytes":12}';
    const organizationId = 'org_11111111-1111-4111-8111-111111111111';
    const metadata = JSON.stringify(METADATA);
    await old.pool.query(OLD_ROWS, [...ids, organizationId, metadata, output]);
    await old.pool.query(
      `INSERT INTO readmodel.projections (name, version, tables, position)
       VALUES ('executions', 1, '{executions,execution_labels}', 6)`,
    );
    await migrate(old.pool, readModelMigrations);
    expect(await rowsIn(old.pool, KEPT)).to.deep.equal(await rowsIn(models.pool, KEPT));

    const { store, progress } = models;
    const log = { info: () => undefined, warn: () => undefined };
    const { pool } = old;
    await rebuild({ pool, progress, store, log }, executions, { swap: true });
    expect(await rowsIn(old.pool)).to.deep.equal(await rowsIn(models.pool));
    const { rows } = await pool.query('SELECT version, generation FROM readmodel.projections');
    expect(rows).to.deep.equal([{ version: 6, generation: 1 }]);
  });
});
