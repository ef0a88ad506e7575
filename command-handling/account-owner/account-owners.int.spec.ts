/** Processes that compete for one account. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { OrganizationId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import * as Account from '../../domain/account/account.js';
import { eventually } from '../../testing/eventually.js';
import {
  openPostgresHarness,
  type PostgresHarness,
} from '../../infra/event-store/postgres/testing/harness.js';
import { openAccounts } from '../accounts/accounts.js';
import type { Contest, Standing } from '../testing/contest-child.js';
import { accountOwnerMigrations } from '../../infra/migrations/all.js';
import { accountEvents, deposit, newOrganization } from '../testing/kit.js';

const PROCESSES = 5;
const silent = { warn: () => undefined, error: () => undefined };

interface Writer {
  readonly name: string;
  readonly process: ChildProcess;
  standing: Standing;
}

describe('processes that write to one account', function () {
  this.timeout(120_000);
  let harness: PostgresHarness;
  let writers: Writer[] = [];

  before(async () => {
    harness = await openPostgresHarness(silent);
    for (const { sql } of accountOwnerMigrations) await harness.admin.query(sql);
    writers = await Promise.all(Array.from({ length: PROCESSES }, (_, n) => start(`writer-${n}`)));
  });
  after(async () => {
    for (const { process: child } of writers) await kill(child);
    await harness.close();
  });

  async function start(name: string): Promise<Writer> {
    const module = fileURLToPath(new URL('../testing/contest-child.ts', import.meta.url));
    const child = fork(module, [harness.url, name], { execArgv: ['--import', 'tsx'] });
    const [standing] = (await once(child, 'message')) as [Standing];
    const writer = { name, process: child, standing };
    child.on('message', (said: Standing) => (writer.standing = said));
    return writer;
  }

  async function funded(amount: bigint): Promise<OrganizationId> {
    const org = newOrganization();
    const accounts = openAccounts({ store: harness.store, onError: () => undefined });
    await accounts.submit(org, deposit(org, amount));
    return org;
  }

  const begin = (organizationId: OrganizationId, holds: number, callers = 8) => {
    for (const writer of writers) {
      writer.standing = { accepted: 0, refused: 0, outages: 0, forwarded: 0, isDone: false };
      writer.process.send({ organizationId, holds, callers } satisfies Contest);
    }
  };
  const done = (of: readonly Writer[] = writers) =>
    eventually('all are done', () => of.every(({ standing }) => standing.isDone), 100_000);
  const sum = (
    what: 'accepted' | 'refused' | 'outages' | 'forwarded',
    of: readonly Writer[] = writers,
  ) => of.reduce((total, { standing }) => total + standing[what], 0);

  const leases = async (where: string, ...values: string[]) => {
    const { rows } = await harness.admin.query<{ holder: string }>(
      `SELECT holder FROM deciding.account_owners WHERE expires_at > clock_timestamp() ${where}`,
      values,
    );
    return rows;
  };

  const ownerOf = (org: OrganizationId) =>
    eventually(
      'a process owns the account',
      async () => {
        const [lease] = await leases('AND stream = $1', streamOf('account', org));
        return writers.find(({ name }) => lease?.holder.startsWith(`${name}_`));
      },
      20_000,
    );

  /** Every hold is there once, none is lost, and the money is right. */
  async function booksOf(org: OrganizationId) {
    const events = await accountEvents(harness.store, org);
    const { available, held, holds } = events.reduce(Account.evolve, Account.initial());
    const placed = events.filter(({ type }) => type === 'HoldPlaced');
    const ids = new Set(placed.map(({ data }) => (data as { executionId: string }).executionId));
    return { available, held, open: holds.size, placed: placed.length, executions: ids.size };
  }

  const books = (held: number, available: number) => ({
    available: BigInt(available),
    held: BigInt(held),
    open: held,
    placed: held,
    executions: held,
  });

  it('have the money for 300 of 500 holds: 300 are accepted, 200 truthfully refused', async () => {
    const org = await funded(300n);
    begin(org, 100);
    await done();
    expect([sum('accepted'), sum('refused'), sum('outages')]).to.deep.equal([300, 200, 0]);
    expect(await booksOf(org)).to.deep.equal(books(300, 0));
  });

  it('forward their commands to the owner, until no two of them write', async () => {
    const org = await funded(100_000n);
    begin(org, 200);
    await ownerOf(org);
    await done();
    expect(sum('accepted')).to.equal(1_000);
    expect(await booksOf(org)).to.deep.equal(books(1_000, 99_000));
    expect(sum('forwarded')).to.be.above(100);
    await eventually('no account has an owner', async () => (await leases('')).length === 0);
  });

  it('go on when the owner is frozen, and it goes on afterwards', async () => {
    const org = await funded(100_000n);
    begin(org, 400);
    const stopped = await ownerOf(org);
    stopped.process.kill('SIGSTOP');
    await done(writers.filter((writer) => writer !== stopped));
    expect(stopped.standing.isDone).to.equal(false);
    stopped.process.kill('SIGCONT');
    await done();
    expect(sum('accepted')).to.equal(2_000);
    expect(await booksOf(org)).to.deep.equal(books(2_000, 98_000));
  });

  it('go on when the owner is killed', async () => {
    const org = await funded(100_000n);
    begin(org, 400);
    const killed = await ownerOf(org);
    await kill(killed.process);
    writers = writers.filter((writer) => writer !== killed);
    await done();
    expect(sum('accepted')).to.equal(1_600);
    const { placed, executions, held, available } = await booksOf(org);
    expect(placed).to.equal(executions).and.to.be.at.least(1_600);
    expect(held + available).to.equal(100_000n);
  });
});

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
