/** Everybody at once: one key has one winner, and no dollar is spent twice. */
import { expect } from 'chai';
import { newTenant, type ExecutionBody, type LedgerEntry } from '../testing/client.js';
import { eventually } from '../testing/eventually.js';
import { micros, newKey, textOf, whenOver } from './testing/executions.js';
import { behave, behaveWell, callsFor } from '../sandbox/testing/behaviour.js';
import { sharedSystem } from '../testing/system-in-suite.js';

describe('racing submissions', function () {
  this.timeout(60_000);
  const system = sharedSystem();
  afterEach(() => behaveWell(system().sandboxUrl));

  it('of one key: 100 make one execution, one hold, and read one answer', async () => {
    const { api } = await newTenant(system());
    await behave(system().sandboxUrl, { aurora: { latency: 1_500 }, borealis: { latency: 1_500 } });
    const key = newKey();
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => api.submit(textOf('The same'), key)),
    );
    expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([202]));
    expect(new Set(answers.map(({ text }) => text)).size).to.equal(1);
    const first = answers.filter(({ headers }) => headers['idempotency-replayed'] === undefined);
    expect(first).to.have.length(1);
    const id = answers[0]?.body.id ?? '';
    const holds = await eventually('the hold is listed', async () => {
      const all = await api.all('/billing/holds');
      return all.length > 0 ? all : undefined;
    });
    expect(holds).to.have.length(1);
    await whenOver(api, id);
    expect(await api.all('/executions')).to.have.length(1);
    expect(await callsFor(system().sandboxUrl, id)).to.have.length(1);
  });

  it('against money for 37: exactly 37 of 200 are accepted, the rest are 402', async () => {
    const { api } = await newTenant(system(), '0.37');
    // None is over, and gives money back, before all are decided.
    await behave(system().sandboxUrl, { aurora: { latency: 5_000 }, borealis: { latency: 5_000 } });
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, n) => api.submit(textOf(`Rush ${n}`), newKey())),
    );
    const count = (status: number) => answers.filter((answer) => answer.status === status).length;
    const holds = answers
      .filter(({ status }) => status === 202)
      .map(({ body }) => body.hold_amount);
    expect(new Set(holds)).to.deep.equal(new Set(['0.010']));
    await behaveWell(system().sandboxUrl);
    expect([count(202), count(402)]).to.deep.equal([37, 163]);
    const ids = answers.flatMap(({ status, body }) => (status === 202 ? [body.id] : []));
    const over = await Promise.all(ids.map((id) => whenOver(api, id, 30_000)));
    const spent = over.reduce((sum, { cost }) => sum + micros(cost ?? '0'), 0n);
    const settled = await eventually('every hold has ended', async () => {
      const balance = await api.balance();
      return balance.held === '0.000' ? balance : undefined;
    });
    expect(micros(settled.available)).to.equal(370_000n - spent);
    expect(settled.total).to.equal(settled.available);
    const listed = await api.all<ExecutionBody>('/executions');
    expect(listed.map(({ id }) => id)).to.have.members(ids);
    const ledger = await api.all<LedgerEntry>('/billing/ledger');
    const held = ledger.filter(({ type }) => type === 'HOLD');
    expect(held).to.have.length(37);
    expect(ledger.reduce((sum, { amount }) => sum + micros(amount), 0n)).to.equal(370_000n - spent);
  });
});
