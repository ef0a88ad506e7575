/** The commands of operators, on a system that runs and on one that does not. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { FedEvent } from '../testing/feed-view.js';
import pg from 'pg';
import { runningPostgresUrl } from '../infra/postgres/embedded/embedded.js';
import { REBUILD_LOCK } from '../infra/read-store/projection-states.js';
import { exitOf, repositoryRoot, startChild } from '../testing/child-process.js';
import { clientOf } from '../testing/client.js';
import { accept, textOf, whenOver, whenSettled } from './testing/executions.js';
import { programOf } from '../testing/system.js';
import { systemInSuite } from '../testing/system-in-suite.js';

interface WhatIf {
  readonly executions: number;
  readonly today: { readonly revenue: string };
  readonly proposed: { readonly executions: number };
}

interface Replayed {
  readonly organization: {
    readonly available: string;
    readonly total: string;
    readonly open_holds: readonly { readonly execution_id: string }[];
  };
  readonly execution: {
    readonly execution: { readonly status: string };
    readonly events: readonly { readonly position: string }[];
    readonly price: {
      readonly lines: readonly object[];
      readonly rated_cost: string;
      readonly charged: string;
      readonly provider_cost: string;
    };
    readonly attempts: readonly {
      readonly outcome: string;
      readonly provider: string;
      readonly dispatch_key: string;
    }[];
    readonly routing: { readonly decisions: readonly { readonly why: string }[] };
  };
}

describe('modelroute <command>', function () {
  this.timeout(60_000);
  const system = systemInSuite();
  let organizationId = '';
  let executionId = '';

  const run = async (...args: string[]) => {
    const { code, output } = await system().command(...args);
    return { code, output };
  };
  const api = (...args: string[]) => run(...args, '--url', system().baseUrl);
  const jsonOf = async <T>(running: ReturnType<typeof run>): Promise<T> => {
    const { code, output } = await running;
    expect(code, output).to.equal(0);
    return JSON.parse(output) as T;
  };

  it('makes a tenant, its money and its key', async () => {
    const created = await jsonOf<{ id: string }>(api('orgs', 'create', 'Acme', '--json'));
    organizationId = created.id;
    const topUp = ['top-up', organizationId, '12.50', '--idempotency-key', 'invoice-1'];
    for (let times = 0; times < 2; times++)
      expect(await api(...topUp)).to.deep.equal({
        code: 0,
        output: '$12.500 added: $12.500 available, $0.000 held',
      });
    const { key } = await jsonOf<{ key: string }>(api('keys', 'create', organizationId, '--json'));
    const listed = await jsonOf<readonly Record<string, unknown>[]>(api('orgs', 'list', '--json'));
    expect(listed.map(({ id, name, available }) => ({ id, name, available }))).to.deep.equal([
      { id: organizationId, name: 'Acme', available: '12.500' },
    ]);
    const client = clientOf(system(), key);
    executionId = (await accept(client, textOf('Why is a log a good ledger?'))).id;
    await whenOver(client, executionId);
    await whenSettled(client, executionId);
  });

  it('shows what stands behind an execution', async () => {
    const shown = await jsonOf<{
      execution: { status: string };
      attempts: readonly { outcome: string; candidates: readonly unknown[] }[];
      ledger: readonly { type: string }[];
    }>(run('executions', 'show', executionId, '--json'));
    expect(shown.execution.status).to.equal('COMPLETED');
    expect(shown.attempts.map(({ outcome }) => outcome)).to.deep.equal(['succeeded']);
    expect(shown.ledger.map(({ type }) => type)).to.deep.equal(['HOLD', 'RELEASE', 'SETTLEMENT']);
    const { output } = await run('executions', 'show', executionId);
    expect(output).to.contain('was taken with').and.contain('ExecutionCompleted');
  });

  it('lists the versions of the catalogue, and shows one', async () => {
    const { data } = await jsonOf<{ data: readonly { version: string; models: number }[] }>(
      run('catalogue', 'versions', '--json'),
    );
    expect(data.map(({ models }) => models > 0)).to.deep.equal([true]);
    const version = data[0]?.version ?? '';
    const { output } = await run('catalogue', 'show', version);
    expect(output).to.contain(`version ${version}, first in force`).and.contain('aurora-text-1');
    const unknown = await run('catalogue', 'show', '0000000000000000');
    expect(unknown.code).to.equal(1);
    expect(unknown.output).to.contain('There was no version');
  });

  it('prints the log, money as text', async () => {
    const types = ['--types', 'FundsDeposited'];
    const { output } = await run('events', 'tail', '--from', '0', ...types);
    const { type, data } = JSON.parse(output) as { type: string; data: { amount: string } };
    expect([type, data.amount]).to.deep.equal(['FundsDeposited', '12.500']);
    const feed = ['--organization', organizationId, '--types', 'balance.topped_up'];
    const fed = await run('events', 'tail', '--from', '1', ...feed);
    const event = JSON.parse(fed.output) as FedEvent;
    expect(event).to.deep.include({ type: 'balance.topped_up', subject: organizationId });
    expect(event.data).to.deep.include({ amount: '12.500' });
  });

  it('replays what was then, and says why it was routed and priced so', async () => {
    const subjects = ['--organization', organizationId, '--execution', executionId, '--json'];
    const of = (asOf: string) => jsonOf<Replayed>(run('replay', '--as-of', asOf, ...subjects));
    const { organization, execution } = await of(new Date().toISOString());
    const { rated_cost: rated, charged, lines } = execution.price;
    expect([rated, organization.total]).to.deep.equal([charged, organization.available]);
    expect(lines.length).to.be.greaterThan(0);
    expect(execution.routing.decisions[0]?.why).to.contain('was taken');
    const accepted = execution.events[0]?.position ?? '';
    const before = await of(accepted);
    expect(before.execution.execution.status).to.equal('PENDING');
    expect(before.organization.open_holds.map((hold) => hold.execution_id)).to.deep.equal([
      executionId,
    ]);
    const model = ['--model', 'text-generation-standard'];
    const { output } = await run('replay', '--as-of', accepted, ...model);
    expect(output).to.contain('catalogue version').and.contain('aurora');
    const whole = await jsonOf<{ log: { executions: object } }>(
      run('replay', '--as-of', new Date().toISOString(), '--json'),
    );
    expect(whole.log.executions).to.deep.equal({ open: 0, completed: 1 });
  });

  it('re-prices what was recorded, and matches an invoice with it', async () => {
    const catalogue = ['--catalogue', join(repositoryRoot, 'catalogue.yaml')];
    const { executions, today, proposed } = await jsonOf<WhatIf>(
      run('what-if', ...catalogue, '--json'),
    );
    expect([executions, proposed.executions]).to.deep.equal([1, 1]);
    expect(Number(today.revenue)).to.be.above(0);
    const { price, attempts } = (
      await jsonOf<Replayed>(
        run('replay', '--as-of', new Date().toISOString(), '--execution', executionId, '--json'),
      )
    ).execution;
    const [paid] = attempts.filter(({ outcome }) => outcome === 'succeeded');
    const path = join(tmpdir(), `modelroute-invoice-${randomUUID()}.csv`);
    await writeFile(path, `dispatch_key,amount\n${paid?.dispatch_key},${price.provider_cost}\n`);
    const provider = ['--provider', paid?.provider ?? ''];
    const { code, output } = await run('reconcile', path, ...provider);
    expect(output).to.contain('1 of 1 lines are equal');
    expect(code).to.equal(0);
    await writeFile(path, 'dispatch_key,amount\nd9,1\n');
    expect((await run('reconcile', path, ...provider)).code).to.equal(2);
    const mistyped = await run('reconcile', path, '--provider', 'aurroa');
    expect(mistyped.code).to.equal(1);
    expect(mistyped.output).to.match(/^There is no provider aurroa in this log: name one of .*\.$/);
    expect(mistyped.output).to.contain(paid?.provider);
    await rm(path);
  });

  it('verifies; a planted defect is found, and a rebuild mends it', async () => {
    const verify = ['verify', '--json', '--settled', '--calls', system().sandboxUrl];
    const right = await jsonOf<{ findings: unknown[]; checked: object }>(run(...verify));
    expect(right.findings).to.deep.equal([]);
    expect(right.checked).to.include({ executions: 1, holds: 1, payloads: 2 });
    const client = new pg.Client(await runningPostgresUrl(system().dataDir));
    await client.connect();
    await client.query('UPDATE readmodel.account_balances SET available_micros = 1');
    const wrong = await run('verify', '--skip-rebuild');
    expect(wrong.code).to.equal(2);
    expect(wrong.output).to.contain(`I3  account-${organizationId}  0.000001 are available`);
    expect((await run('rebuild', 'account_balances')).output).to.contain('it differed');
    // As one that is being rebuilt by the projectors meanwhile: the others are all the same.
    await client.query(
      `SELECT pg_advisory_lock(${REBUILD_LOCK}, number)
       FROM readmodel.projections WHERE name = 'holds'`,
    );
    const { code, output } = await run('rebuild', '--all');
    const [deposit] = (
      await client.query<{ data: string }>(
        `SELECT data FROM eventstore.events WHERE type = 'FundsDeposited'`,
      )
    ).rows;
    const write = (data: string | undefined) =>
      client.query(`UPDATE eventstore.events SET data = $1 WHERE type = 'FundsDeposited'`, [data]);
    await client.query('ALTER TABLE eventstore.events DISABLE TRIGGER USER');
    await write('{}');
    const unreadable = await run('rebuild', 'account_balances');
    await write(deposit?.data);
    await client.query(
      'ALTER TABLE eventstore.events ENABLE ALWAYS TRIGGER events_are_never_changed',
    );
    await client.end();
    expect(unreadable.code).to.equal(1);
    expect(unreadable.output).to.match(
      /^account_balances cannot be made, [^\n]*FundsDeposited[^\n]*, at position \d+\.$/,
    );
    const [busy, ...rebuilt] = output.split('\n').reverse();
    expect(busy).to.match(/^Not rebuilt: holds is being rebuilt already/);
    expect(rebuilt.length).to.be.above(10);
    expect(rebuilt.filter((line) => !line.includes('were equal'))).to.deep.equal([]);
    expect(code).to.equal(1);
    expect((await run('verify', '--settled')).code).to.equal(0);
  });

  it('refuses in one sentence', async () => {
    const oneLine = async (running: ReturnType<typeof run>, sentence: RegExp) => {
      const { code, output } = await running;
      expect(code, output).to.equal(1);
      expect(output).to.match(sentence).and.not.match(/\n/);
    };
    await oneLine(run('rebuild', 'nonsense'), /no projection nonsense/);
    await oneLine(run('replay', '--as-of', 'yesterday'), /neither a time/);
    await oneLine(run('replay', '--as-of', '999999999'), /The log ends at position/);
    const backwards = ['--from', '2026-02-01', '--to', '2026-01-01'];
    const catalogue = ['--catalogue', join(repositoryRoot, 'catalogue.yaml')];
    await oneLine(run('what-if', ...catalogue, ...backwards), /2026-02-01 is not before --to/);
    await oneLine(run('executions', 'show', 'nonsense'), /no execution's id/);
    await oneLine(run('events', 'tail', '--types', 'Nonsense'), /no event type Nonsense/);
    await oneLine(run('events', 'tail', '--organization', 'acme'), /no organization's id/);
    const nobody = `org_${randomUUID()}`;
    await oneLine(run('events', 'tail', '--organization', nobody), /There is no organization/);
    await oneLine(run('audit', 'export', nobody), /There is no organization|No checkpoint/);
    await oneLine(api('top-up', organizationId, 'much'), /400 INPUT_VALIDATION_ERROR.*amount/);
    await oneLine(run('verify', '--receiver-record', '/nowhere'), /\/nowhere cannot be read/);
    await oneLine(run('orgs', 'list', '--url', 'http://127.0.0.1:1'), /modelroute serve/);
  });

  it('erases what is stored for an organization, and nothing that was recorded', async () => {
    const erase = ['erase', '--organization', organizationId];
    const asked = await run(...erase);
    expect(asked.code).to.equal(0);
    expect(asked.output).to.contain('Say --yes');
    const erased = await jsonOf<{ payloads: number }>(run(...erase, '--yes', '--json'));
    const { payloads, ...rest } = erased;
    expect(rest).to.deep.equal({ organization_id: organizationId, keys: 1, files: 0 });
    // It counts what it removed itself; the running system removes beside it.
    expect(payloads).to.be.within(0, 2);
    expect((await run('verify', '--settled', '--deep', '--skip-rebuild')).code).to.equal(0);
    const refused = await api('keys', 'create', organizationId);
    expect(refused.code).to.equal(1);
    expect(refused.output).to.contain('was erased');
  });

  it('looks into a system that is down, and changes nothing where there is none', async () => {
    expect(await system().stop()).to.equal(0);
    const { code, output } = await run('verify');
    expect([code, output.split('\n').at(-1)]).to.deep.equal([0, 'nothing is wrong']);
    expect((await run('executions', 'show', executionId)).code).to.equal(0);
    expect(await runningPostgresUrl(system().dataDir)).to.equal(undefined);
    const none = join(tmpdir(), `modelroute-none-${randomUUID()}`);
    const env = { MODELROUTE_DATA_DIR: none, PORT: '0' };
    const child = startChild({ ...programOf({}, 'verify'), env });
    expect((await exitOf(child, 20_000)).code).to.equal(1);
    expect(child.lines.join('\n')).to.match(/^There is no ModelRoute in .*modelroute-none/);
    expect(existsSync(none)).to.equal(false);
    await system().restart();
  });
});
