/** Two processes on one database race for the same keys and the same money. */
import { expect } from 'chai';
import { clientOf, newTenant, type Client, type LedgerEntry } from '../testing/client.js';
import { eventually } from '../testing/eventually.js';
import { newKey, textOf, whenOver } from './testing/executions.js';
import { freshDatabase } from '../infra/postgres/testing/fresh-database.js';
import { behave, behaveWell, callsFor } from '../sandbox/testing/behaviour.js';
import { startSystem, type System } from '../testing/system.js';

describe('two processes on one database', function () {
  this.timeout(60_000);
  let one: System;
  let other: System;
  before(async function () {
    this.timeout(90_000);
    const { url } = await freshDatabase();
    const shared = { DATABASE_URL: url, MODELROUTE_MASTER_KEY: 'm'.repeat(32) };
    one = await startSystem({ env: shared });
    other = await startSystem({
      roles: 'command-api,query-api',
      env: { ...shared, SANDBOX_URL: one.sandboxUrl },
    });
  });
  after(async function () {
    this.timeout(60_000);
    expect([await other.stop(), await one.stop()]).to.deep.equal([0, 0]);
  });

  /** A new tenant, through either door. */
  const tenantAt = async (amount: string): Promise<readonly [Client, Client]> => {
    const { api } = await newTenant(one, amount);
    return [api, clientOf(other, api.apiKey)];
  };

  it('of 100 submissions under one key, 50 at each, one wins', async () => {
    const doors = await tenantAt('1');
    const key = newKey();
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) => doors[n % 2 ? 1 : 0].submit(textOf('The same'), key)),
    );
    expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([202]));
    expect(new Set(answers.map(({ text }) => text)).size).to.equal(1);
    const id = answers[0]?.body.id ?? '';
    await whenOver(doors[1], id);
    expect(await callsFor(one.sandboxUrl, id)).to.have.length(1);
    const ledger = await eventually('the hold has ended', async () => {
      const entries = await doors[0].all<LedgerEntry>('/billing/ledger');
      return entries.some(({ type }) => type === 'RELEASE') ? entries : undefined;
    });
    const holds = ledger.filter(({ type }) => type === 'HOLD').length;
    const releases = ledger.filter(({ type }) => type === 'RELEASE').length;
    expect(holds).to.equal(releases);
    expect(ledger.filter(({ type }) => type === 'SETTLEMENT')).to.have.length(1);
  });

  it('of 200 submissions against money for 37, 100 at each, exactly 37 are accepted', async () => {
    const doors = await tenantAt('0.37');
    // No execution ends, and gives the rest of its hold back, before the last is answered.
    const latency = 5_000;
    await behave(one.sandboxUrl, { aurora: { latency }, borealis: { latency } });
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        doors[n % 2 ? 1 : 0].submit(textOf(`Rush ${n}`), newKey()),
      ),
    );
    const count = (status: number) => answers.filter((answer) => answer.status === status).length;
    await behaveWell(one.sandboxUrl);
    expect([count(202), count(402)]).to.deep.equal([37, 163]);
    const ids = answers.flatMap(({ status, body }) => (status === 202 ? [body.id] : []));
    await Promise.all(ids.map((id) => whenOver(doors[1], id, 30_000)));
    await eventually('every hold has ended', async () => {
      const { held } = await doors[1].balance();
      return held === '0.000';
    });
    expect(await doors[1].balance()).to.deep.equal(await doors[0].balance());
  });
});
