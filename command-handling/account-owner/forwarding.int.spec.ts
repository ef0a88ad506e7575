/** Commands on their way from one process to another, where that goes wrong. */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import { request } from 'undici';
import type { OrganizationId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { StoreOverloaded, StoreUnavailable } from '../../infra/event-store/port.js';
import {
  openPostgresHarness,
  type PostgresHarness,
} from '../../infra/event-store/postgres/testing/harness.js';
import { openMetrics, type Metrics } from '../../infra/metrics.js';
import { accountOwnerMigrations } from '../../infra/migrations/all.js';
import { freePort } from '../../testing/free-port.js';
import { openAccounts, type Accounts } from '../accounts/accounts.js';
import { accountEvents, deposit, hold, newOrganization } from '../testing/kit.js';
import { openAccountOwners, type AccountOwners } from './account-owners.js';
import { writeBatch } from './forwarded-commands.js';
import { signatureOf } from './signature.js';

const silent = { warn: () => undefined, error: () => undefined };
const KEY = 'of the specs';

interface Writer {
  readonly owners: AccountOwners;
  readonly accounts: Accounts;
  readonly metrics: Metrics;
}

describe('forwarded commands', function () {
  this.timeout(60_000);
  // A lease lasts for 1.5 s and is waited for 150 ms: where nothing ran for longer, the sender has
  // taken the account or has decided itself.
  this.retries(3);
  let harness: PostgresHarness;
  let org: OrganizationId;
  const writers: Writer[] = [];
  const servers: Server[] = [];

  before(async () => {
    harness = await openPostgresHarness(silent);
    for (const { sql } of accountOwnerMigrations) await harness.admin.query(sql);
  });
  after(() => harness.close());
  beforeEach(async () => {
    org = newOrganization();
    const accounts = openAccounts({ store: harness.store, onError: () => undefined });
    await accounts.submit(org, deposit(org, 1_000n));
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
    for (const { owners } of writers.splice(0)) await owners.close();
  });

  /** A process that has lost a race for the account. */
  async function start(key = KEY): Promise<Writer> {
    const metrics = openMetrics();
    const options = { url: harness.url, log: silent, instance: 'spec', host: '127.0.0.1', port: 0 };
    const owners = await openAccountOwners({ ...options, key, metrics });
    const accounts = openAccounts({ store: harness.store, owners, onError: () => undefined });
    owners.raceLost(streamOf('account', org));
    const writer = { owners, accounts, metrics };
    writers.push(writer);
    return writer;
  }

  /** A lease of another process, for a while. */
  async function lease(address: string): Promise<void> {
    await harness.admin.query(
      `INSERT INTO deciding.account_owners (stream, holder, address, token, expires_at)
       VALUES ($1, 'fake', $2, 1, clock_timestamp() + interval '1.4 seconds')`,
      [streamOf('account', org), address],
    );
  }

  /** Its address. */
  async function listen(behave: RequestListener): Promise<string> {
    const server = createServer(behave);
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
  const fakeOwner = async (behave: RequestListener) => lease(await listen(behave));

  const ownerRow = async () => {
    const { rows } = await harness.admin.query<{ address: string; token: string }>(
      'SELECT address, token::text FROM deciding.account_owners WHERE stream = $1',
      [streamOf('account', org)],
    );
    return rows[0] ?? { address: '', token: '' };
  };
  const place = ({ accounts }: Writer, key: string, payloadBytes = 0) =>
    accounts.submit(org, hold({ organizationId: org, key, payloadBytes }));
  const counted = async ({ metrics }: Writer) => {
    const { values } = await metrics.forwardedCommands.get();
    return values.map(({ labels, value }) => [labels.outcome, value]);
  };
  const placed = async () =>
    (await accountEvents(harness.store, org)).filter(({ type }) => type === 'HoldPlaced').length;

  describe('answered by the owner', () => {
    it('have the results that they have there, with money and positions', async () => {
      const owner = await start();
      await place(owner, 'own');
      const sender = await start();
      const accepted = await place(sender, 'k1', 100);
      expect(accepted).to.have.property('outcome', 'accepted');
      expect(accepted).to.have.nested.property('dependent.status', 'appended');
      expect(accepted).to.have.nested.property('dependent.position').that.is.a('bigint');
      const repeated = await place(sender, 'k1');
      expect(repeated).to.have.property('outcome', 'alreadyDone');
      expect(repeated).to.have.nested.property('hold.amount', 1n);
      const large = hold({ organizationId: org, key: 'k2', amount: 5_000n });
      expect(await sender.accounts.submit(org, large)).to.deep.equal({
        outcome: 'rejected',
        reason: 'InsufficientFunds',
        hold: undefined,
      });
      expect(await counted(sender)).to.deep.equal([['answered', 3]]);
    });

    it('set limits and thresholds with their money', async () => {
      const owner = await start();
      await place(owner, 'own');
      const sender = await start();
      const { metadata } = deposit(org, 1n);
      const about = { organizationId: org, at: '2026-01-01T00:00:00.000Z' } as const;
      const limits = { dailyLimit: 9n, maxInFlight: 3, setBy: 'operator', cleared: [] } as const;
      const guard = { type: 'SetSpendingGuard', ...about, ...limits } as const;
      const alert = { type: 'SetBalanceAlert', ...about, threshold: 7n } as const;
      for (const command of [guard, alert])
        expect(await sender.accounts.submit(org, { command, metadata })).to.have.property(
          'outcome',
          'accepted',
        );
      expect(await counted(sender)).to.deep.equal([['answered', 2]]);
      const [set, alerted] = (await accountEvents(harness.store, org)).slice(-2);
      expect(set?.data).to.include({ dailyLimit: 9n, maxInFlight: 3, setBy: 'operator' });
      expect(alerted?.data).to.include({ threshold: 7n });
    });

    it('are cut by the bytes of their payloads; each is decided once', async () => {
      const owner = await start();
      await place(owner, 'own');
      const sender = await start();
      const all = Array.from({ length: 40 }, (_, n) => place(sender, `k${n}`, 64 * 1024));
      const outcomes = (await Promise.all(all)).map(({ outcome }) => outcome);
      expect(outcomes).to.deep.equal(Array(40).fill('accepted'));
      expect(await counted(sender)).to.deep.equal([['answered', 40]]);
      expect(await placed()).to.equal(41);
    });

    it('fail as they do there: one that is invalid, not its neighbours', async () => {
      const owner = await start();
      await place(owner, 'own');
      const sender = await start();
      const keys = ['k1', 'x'.repeat(600), 'k2'];
      const results = await Promise.allSettled(keys.map((key) => place(sender, key)));
      expect(results.map(({ status }) => status)).to.deep.equal([
        'fulfilled',
        'rejected',
        'fulfilled',
      ]);
      expect(results[1]).to.have.nested.property('reason.name', 'InvalidEvent');
    });
  });

  describe('decided by the sender', () => {
    it('when no owner listens any more', async () => {
      await lease(`127.0.0.1:${await freePort()}`);
      const sender = await start();
      const began = performance.now();
      expect((await place(sender, 'k1')).outcome).to.equal('accepted');
      expect(performance.now() - began).to.be.below(1_200);
      expect(await counted(sender)).to.deep.equal([['unreachable', 1]]);
    });

    for (const status of [400, 401, 404, 409, 413])
      it(`when the owner answers ${status}`, async () => {
        await fakeOwner((incoming, response) => {
          incoming.resume();
          incoming.once('end', () => response.writeHead(status).end());
        });
        const sender = await start();
        expect((await place(sender, 'k1')).outcome).to.equal('accepted');
        expect(await counted(sender)).to.deep.equal([[status === 409 ? 'notOwner' : 'refused', 1]]);
        expect((await place(sender, 'k2')).outcome).to.equal('accepted');
        expect(await placed()).to.equal(2);
      });

    it('when the owner has another key', async () => {
      const owner = await start('another');
      await place(owner, 'own');
      const sender = await start();
      expect((await place(sender, 'k1')).outcome).to.equal('accepted');
      expect(await counted(sender)).to.deep.equal([['refused', 1]]);
    });

    it('when they wait behind commands that are not answered', async () => {
      await fakeOwner(() => undefined);
      const sender = await start();
      const lost = place(sender, 'lost').catch((error: unknown) => error);
      const began = performance.now();
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect((await place(sender, 'k1')).outcome).to.equal('accepted');
      expect(performance.now() - began).to.be.below(1_000);
      expect(await lost).to.be.instanceOf(StoreUnavailable);
      expect(performance.now() - began).to.be.within(1_700, 3_000);
      expect(await counted(sender)).to.deep.equal([['unknown', 1]]);
    });
  });

  it('are of unknown outcome when their answer is lost, and found when repeated', async () => {
    const owner = await start();
    await place(owner, 'own');
    const { address } = await ownerRow();
    const between = await listen((incoming, response) => {
      void buffer(incoming)
        .then((body) => post(address, body))
        .then(() => response.destroy());
    });
    await harness.admin.query('UPDATE deciding.account_owners SET address = $2 WHERE stream = $1', [
      streamOf('account', org),
      between,
    ]);
    const sender = await start();
    const command = hold({ organizationId: org, key: 'k1' });
    const error = await sender.accounts.submit(org, command).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(StoreUnavailable);
    expect((await sender.accounts.submit(org, command)).outcome).to.equal('alreadyDone');
    expect(await counted(sender)).to.deep.equal([['unknown', 1]]);
    expect(await placed()).to.equal(2);
  });

  it('are refused as too many when the owner is overloaded', async () => {
    await fakeOwner((incoming, response) => {
      incoming.resume();
      incoming.once('end', () => response.writeHead(503).end());
    });
    const error = await place(await start(), 'k1').catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(StoreOverloaded);
    expect(await placed()).to.equal(0);
  });

  it('are taken over by another process when the owner stops', async () => {
    const owner = await start();
    await place(owner, 'own');
    const sender = await start();
    await place(sender, 'k1');
    const before = await ownerRow();
    await owner.owners.close();
    writers.splice(writers.indexOf(owner), 1);
    for (const key of ['k2', 'k3']) await place(sender, key);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await place(sender, 'k4');
    const { address, token } = await ownerRow();
    expect(address).not.to.equal(before.address);
    expect(Number(token)).to.equal(Number(before.token) + 1);
    expect(await placed()).to.equal(5);
  });

  async function post(
    address: string,
    body: Buffer,
    authorization = signatureOf(KEY, body),
    path = '/forwarded-commands',
  ): Promise<number> {
    const url = `http://${address}${path}`;
    const answer = await request(url, { method: 'POST', headers: { authorization }, body });
    await answer.body.dump();
    return answer.statusCode;
  }

  it('are refused when they are malformed, and nothing ends', async () => {
    const owner = await start();
    await place(owner, 'own');
    const { address, token } = await ownerRow();
    const stream = streamOf('account', org);
    const commands = [hold({ organizationId: org, key: 'k1' })];
    const good = writeBatch({ stream, token, sender: 's', commands }).body;
    const head = JSON.parse(good.toString('utf8', 0, good.indexOf('\n'))) as {
      commands: [{ command: object; metadata: object; dependent?: object }];
    };
    const [one] = head.commands;
    const bad: readonly unknown[] = [
      null,
      7,
      [],
      { ...head, commands: null },
      { ...head, commands: [null] },
      { ...head, commands: [{}] },
      { ...head, commands: [{ ...one, command: null }] },
      { ...head, commands: [{ ...one, command: { ...one.command, type: 'Nothing' } }] },
      { ...head, commands: [{ ...one, command: { ...one.command, type: 'toString' } }] },
      { ...head, commands: [{ ...one, command: { ...one.command, amount: 'x' } }] },
      { ...head, commands: [{ ...one, command: { ...one.command, organizationId: 7 } }] },
      { ...head, commands: [{ ...one, dependent: { append: null } }] },
      ...[-5, 0.5, 1e12, null].map((length) => ({
        ...head,
        commands: [
          { ...one, dependent: { append: { events: [] }, payload: { ref: 'r', length } } },
        ],
      })),
    ];
    for (const value of bad) {
      const body = Buffer.from(`${JSON.stringify(value)}\nrest`);
      expect(await post(address, body), JSON.stringify(value)?.slice(0, 200)).to.equal(400);
    }
    for (const text of ['', '\n', 'no JSON\n', '{"contracts":', '\u0000\n'])
      expect(await post(address, Buffer.from(text)), text).to.equal(400);
    expect(await placed()).to.equal(1);
    expect(await post(address, good)).to.equal(200);
    expect(await placed()).to.equal(2);
  });

  it('are decided only if signed, readable, not too large and under the lease', async () => {
    const owner = await start();
    await place(owner, 'own');
    const { address, token } = await ownerRow();
    const stream = streamOf('account', org);
    const commands = [hold({ organizationId: org, key: 'k1' })];
    const bodyOf = (of: string) => writeBatch({ stream, token: of, sender: 's', commands }).body;
    const body = bodyOf(token);
    const other = Buffer.from(body.toString().replace('{"contracts":"', '{"contracts":"other'));
    const stray = Buffer.from(body.toString().replace(stream, `account-${newOrganization()}`));
    const statuses = [
      await post(address, body, 'Bearer none'),
      await post(address, body, signatureOf('another', body)),
      await post(address, other, signatureOf(KEY, body)),
      await post(address, body, signatureOf(KEY, body), '/elsewhere'),
      await post(address, other),
      await post(address, stray),
      await post(address, Buffer.from('{}')),
      await post(address, bodyOf('0')),
      await post(address, Buffer.alloc(8 * 1024 * 1024 + 1)).catch(() => 413),
    ];
    expect(statuses).to.deep.equal([401, 401, 401, 404, 400, 400, 400, 409, 413]);
    expect(await placed()).to.equal(1);
    expect([await post(address, body), await post(address, body)]).to.deep.equal([200, 200]);
    expect(await placed(), 'replayed').to.equal(2);
  });
});
