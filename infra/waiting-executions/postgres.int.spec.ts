import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import type { Pool } from 'pg';
import type { OrganizationId } from '../../contracts/ids.js';
import { processingMigrations } from '../migrations/all.js';
import { migrate } from '../postgres/migrate.js';
import { openPool } from '../postgres/pool.js';
import { freshDatabase, type FreshDatabase } from '../postgres/testing/fresh-database.js';
import type { WaitingExecution, WaitingExecutions } from './port.js';
import { openPostgresWaitingExecutions } from './postgres.js';

const LONG_MS = 60_000;

describe('waiting executions in PostgreSQL', function () {
  this.timeout(60_000);
  let database: FreshDatabase;
  let pool: Pool;
  let waiting: WaitingExecutions;

  before(async () => {
    database = await freshDatabase();
    const log = pino({ level: 'silent' });
    pool = openPool(database.url, { max: 4, applicationName: 'spec', log });
    await migrate(pool, processingMigrations);
    waiting = openPostgresWaitingExecutions({ pool });
  });
  after(async () => {
    await pool.end();
    await database.drop();
  });
  beforeEach(() => pool.query('DELETE FROM processing.waiting_executions'));

  const a: OrganizationId = `org_${'a'.repeat(8)}-0000-4000-8000-000000000000`;
  const b: OrganizationId = `org_${'b'.repeat(8)}-0000-4000-8000-000000000000`;
  const c: OrganizationId = `org_${'c'.repeat(8)}-0000-4000-8000-000000000000`;

  const waits = (organizationId: OrganizationId, sinceMs: number, queue = 'text') =>
    ({
      executionId: `exec_${randomUUID()}`,
      organizationId,
      queue,
      cause: 'spec',
      sinceMs,
    }) satisfies WaitingExecution;
  const many = (organizationId: OrganizationId, count: number, fromMs = 0) =>
    Array.from({ length: count }, (_, n) => waits(organizationId, fromMs + n));
  const take = (limit: number, of: { after?: string; organizations?: number; holder?: string }) =>
    waiting.take({
      queue: 'text',
      holder: of.holder ?? 'one',
      forMs: LONG_MS,
      limit,
      afterOrganization: of.after ?? '',
      organizationsMax: of.organizations ?? 32,
    });
  const sinceOf = (taken: readonly WaitingExecution[], organization: OrganizationId) =>
    taken.flatMap(({ organizationId, sinceMs }) =>
      organizationId === organization ? [sinceMs] : [],
    );

  it('gives each organization an equal share, the oldest first', async () => {
    await waiting.add([...many(a, 100), ...many(b, 2), ...many(c, 10)]);
    const taken = await take(9, {});
    expect(sinceOf(taken, a)).to.deep.equal([0, 1, 2]);
    expect(sinceOf(taken, b)).to.deep.equal([0, 1]);
    expect(sinceOf(taken, c)).to.deep.equal([0, 1, 2]);
    expect(sinceOf(await take(8, { organizations: 1 }), a)).to.have.length(8);
  });

  it('goes on behind an organization', async () => {
    await waiting.add([...many(a, 5), ...many(b, 5), ...many(c, 5)]);
    const taken = await take(4, { after: a, organizations: 1 });
    expect(sinceOf(taken, b)).to.have.length(4);
    expect(taken).to.have.length(4);
  });

  it('gives a row to one process, until its time is over or it is given back', async () => {
    await waiting.add(many(a, 40));
    const both = await Promise.all([take(20, { holder: 'one' }), take(20, { holder: 'other' })]);
    const ids = both.flat().map(({ executionId }) => executionId);
    expect(new Set(ids).size).to.equal(ids.length);
    await take(40, { holder: 'one' });
    expect(await take(40, { holder: 'other' })).to.deep.equal([]);
    await pool.query(
      `UPDATE processing.waiting_executions SET taken_until = now()
       WHERE since < '1970-01-01 00:00:00.005Z'`,
    );
    expect(await take(40, { holder: 'third' })).to.have.length(5);
    await waiting.giveBack('third');
    expect(await take(40, { holder: 'other' })).to.have.length(5);
  });

  it('leaves a row with its process for as long as it keeps it', async () => {
    await waiting.add(many(a, 2));
    const [kept] = await take(2, { holder: 'one' });
    await pool.query('UPDATE processing.waiting_executions SET taken_until = now()');
    const ids = kept ? [kept.executionId] : [];
    await waiting.keep(ids, 'other', LONG_MS);
    await waiting.keep(ids, 'one', LONG_MS);
    const left = await take(2, { holder: 'other' });
    expect(left).to.have.length(1);
    expect(left[0]?.executionId).not.to.equal(kept?.executionId);
  });

  it('takes those that have waited for so long', async () => {
    await waiting.add([...many(a, 3, 10), ...many(b, 3, 1_000), waits(c, 0, 'other')]);
    const older = { queue: 'text', holder: 'one', forMs: LONG_MS, limit: 2, sinceMs: 500 };
    const taken = [await waiting.takeOlder(older), await waiting.takeOlder(older)];
    expect(taken.map((rows) => sinceOf(rows, a))).to.deep.equal([[10, 11], [12]]);
    expect(await waiting.takeOlder(older)).to.deep.equal([]);
  });

  it('removes a row only of the wait that ended', async () => {
    const first = waits(a, 1);
    await waiting.add([first, waits(b, 2)]);
    await waiting.add([{ ...first, sinceMs: 5, queue: 'text aurora' }]);
    await waiting.remove([first]);
    expect(await waiting.queues()).to.deep.equal(['text', 'text aurora']);
    await waiting.remove([{ executionId: first.executionId, sinceMs: 5 }]);
    expect(await waiting.queues()).to.deep.equal(['text']);
  });

  it('removes a row of any wait, and counts what is left', async () => {
    const gone = waits(a, 1);
    await waiting.add([gone, ...many(b, 3, 7)]);
    await waiting.remove([{ executionId: gone.executionId }]);
    expect(await waiting.sizes()).to.deep.equal([{ queue: 'text', waiting: 3, oldestSinceMs: 7 }]);
  });

  it('knows the queues without counting', async () => {
    expect(await waiting.queues()).to.deep.equal([]);
    expect(await waiting.sizes()).to.deep.equal([]);
  });
});
