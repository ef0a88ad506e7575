import { expect } from 'chai';
import { eventually } from '../../testing/eventually.js';
import type { Pool } from 'pg';
import { pino } from 'pino';
import type { OrganizationId } from '../../contracts/ids.js';
import { readModelMigrations } from '../migrations/all.js';
import { migrate } from '../postgres/migrate.js';
import { openPool } from '../postgres/pool.js';
import { freshDatabase, type FreshDatabase } from '../postgres/testing/fresh-database.js';
import { dueDeliveries, endpointOf, FIRST_ATTEMPT_MS } from './due-deliveries.js';
import type { DueDeliveriesQuery } from './due-deliveries.js';

const NOW = Date.parse('2026-01-01T12:00:00.000Z');
const nothing = { organizations: [], endpoints: [], deliveries: [], positions: [] };

describe('due deliveries', function () {
  this.timeout(60_000);
  let database: FreshDatabase;
  let pool: Pool;
  before(async () => {
    database = await freshDatabase();
    pool = openPool(database.url, {
      max: 1,
      applicationName: 'spec',
      log: pino({ level: 'silent' }),
    });
    await migrate(pool, readModelMigrations);
  });
  beforeEach(() => pool.query('truncate readmodel.timers'));
  after(async () => {
    await pool?.end();
    await database?.drop();
  });

  /** `dlv_<name>_<n>`, the first due so long before now, the next a millisecond later. */
  const insert = (name: string, count: number, dueMs: number, more: object = {}) => {
    const { attempt = 1, kind = 'attempt-webhook' } = more as { attempt?: number; kind?: string };
    const [organization = '', path = ''] = name.split('/');
    return pool.query(
      `insert into readmodel.timers (id, kind, stream, due_at, organization_id, execution_id,
         attempt, delivery_id, endpoint, position)
       select $2 || '/' || $1 || '_' || n, $2, 'delivery-dlv_' || $1 || '_' || n,
         $3::timestamptz + n * interval '1 ms', $4, 'exec_' || n, $5, 'dlv_' || $1 || '_' || n,
         $6, n
       from generate_series(1, $7) as n`,
      [
        ...[name, kind, new Date(NOW - dueMs), organization, attempt],
        ...[endpointOf(organization as OrganizationId, path), count],
      ],
    );
  };
  const due = async (query: Partial<DueDeliveriesQuery> = {}) => {
    const usual = { nowMs: NOW, firstAfterMs: FIRST_ATTEMPT_MS, perOrganizationMax: 3 };
    const found = await dueDeliveries(pool, { ...usual, except: nothing, ...query });
    return found.map(({ deliveryId }) => deliveryId.slice('dlv_'.length)).sort();
  };

  it('are the longest due of each organization, however many one has', async () => {
    await insert('a/x', 20_000, 60_000);
    await insert('b/y', 2, 1_000);
    await insert('c/z', 5, 30_000);
    await insert('d/z', 1, -1_000);
    await insert('e/z', 1, 1_000, { kind: 'expire-execution' });
    const expected = ['a/x_1', 'a/x_2', 'a/x_3', 'b/y_1', 'b/y_2', 'c/z_1', 'c/z_2', 'c/z_3'];
    expect(await due()).to.deep.equal(expected);
  });

  it('pass over what there is no need of, also behind ten thousands of it', async () => {
    await insert('a/x', 20_000, 60_000);
    await insert('a/y', 2, 1_000);
    await insert('b/x', 2, 1_000);
    await insert('c/x', 2, 1_000);
    await pool.query('analyze readmodel.timers');
    const organizations = ['c'];
    const endpoints = [endpointOf('a' as OrganizationId, 'x')];
    const except = { ...nothing, organizations, endpoints, deliveries: ['dlv_b/x_1'] };
    const tookMs: number[] = [];
    await eventually('one answer is quick', async () => {
      const startedAtMs = performance.now();
      expect(await due({ except })).to.deep.equal(['a/y_1', 'a/y_2', 'b/x_2']);
      tookMs.push(performance.now() - startedAtMs);
      return Math.min(...tookMs) < 200;
    });
  });

  it('are due again at another position, however short after they were brought', async () => {
    await insert('a/x', 2, 1_000);
    const except = { ...nothing, positions: [1n] };
    expect(await due({ except })).to.deep.equal(['a/x_2']);
    await pool.query('update readmodel.timers set position = position + 2');
    expect(await due({ except })).to.deep.equal(['a/x_1', 'a/x_2']);
  });

  it('are first attempts sooner, where these cannot be under way elsewhere', async () => {
    await insert('a/x', 1, 1_100 - FIRST_ATTEMPT_MS, { attempt: 0 });
    await insert('a/x/again', 1, 1_100 - FIRST_ATTEMPT_MS, { attempt: 1 });
    expect(await due()).to.deep.equal([]);
    expect(await due({ firstAfterMs: 1_000 })).to.deep.equal(['a/x_1']);
    expect(await due({ firstAfterMs: 1_200 })).to.deep.equal([]);
  });

  it('are none where none waits', async () => {
    expect(await due()).to.deep.equal([]);
  });
});
