import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Pool } from 'pg';
import { pino } from 'pino';
import type { StreamName } from '../contracts/streams.js';
import { eventStoreMigrations, readModelMigrations } from '../infra/migrations/all.js';
import {
  openPostgresEventStore,
  type PostgresEventStore,
} from '../infra/event-store/postgres/postgres.js';
import { START } from '../infra/event-store/port.js';
import { openPostgresPayloads } from '../infra/payloads/postgres.js';
import { migrate } from '../infra/postgres/migrate.js';
import { openPool } from '../infra/postgres/pool.js';
import { projectionStates } from '../infra/read-store/projection-states.js';
import { openProgress } from '../infra/read-store/progress.js';
import { advance, loadProjections } from '../projectors/engine/running-projections.js';
import { projections } from '../projectors/projections.js';
import { freshDatabase, type FreshDatabase } from '../infra/postgres/testing/fresh-database.js';
import type { Finding } from './findings.js';
import { newEvent, openStory, PAYLOAD, tellEverything, type Story } from './testing/story.js';
import { auditDatabase, type AuditReport, type AuditOptions } from './run-audit.js';

const log = pino({ level: 'silent' });

describe('the audit, on PostgreSQL', function () {
  this.timeout(60_000);
  let database: FreshDatabase;
  let readStore: Pool;
  let store: PostgresEventStore;

  beforeEach(async () => {
    database = await freshDatabase();
    const { url } = database;
    readStore = openPool(url, { max: 6, applicationName: 'spec', log, timeoutMs: 0 });
    await migrate(readStore, [...eventStoreMigrations, ...readModelMigrations]);
    store = openPostgresEventStore({ url, log });
  });
  afterEach(async () => {
    await store.close();
    await readStore.end();
    await database.drop();
  });

  /** The story's events, and every payload that they name. */
  async function append({ events, organizationId }: Story): Promise<void> {
    for (const event of events) {
      const { stream, revision } = event;
      await store.append({
        appends: [{ stream, expectedRevision: revision - 1, events: [newEvent(event)] }],
      });
      const named =
        event.type === 'ExecutionRequested'
          ? event.data.input
          : event.type === 'ExecutionCompleted' && event.data.output;
      if (named) await store.smallPayloads.put({ ref: named.ref, organizationId, bytes: PAYLOAD });
    }
  }

  async function project(): Promise<void> {
    const running = await loadProjections(readStore, projections);
    await advance(readStore, running, await store.readAll(START, 1_000));
  }

  const looked = () => ({
    store,
    readStore,
    progress: openProgress(readStore),
    log,
    figures: () => {
      const { unknownTypes } = store.stats();
      return { queueUnits: 0, events: 0, batches: 0, unknownTypes };
    },
  });

  const audit = (options: Partial<AuditOptions> = {}): Promise<AuditReport> =>
    auditDatabase(
      { ...looked(), isServed: true },
      (ref) => openPostgresPayloads(store.smallPayloads).get(ref),
      { deep: true, settled: true, skipRebuild: true, receiverRecord: undefined, ...options },
      new AbortController().signal,
    );

  const told = async (): Promise<Story> => {
    const story = openStory();
    tellEverything(story);
    await append(story);
    await project();
    return story;
  };

  const only = (verified: AuditReport): Finding => {
    expect(verified.findings.kept).to.have.length(1);
    return verified.findings.kept[0]!;
  };

  it('finds nothing where nothing is wrong, and changes nothing', async () => {
    const story = await told();
    const before = await projectionStates(readStore);
    const { findings, position, checked, rebuilt } = await audit({ skipRebuild: false });
    expect(findings.kept).to.deep.equal([]);
    expect(position).to.equal(BigInt(story.events.length - 1));
    expect(checked).to.deep.equal({
      events: story.events.length,
      executions: 6,
      holds: 8,
      deliveries: 2,
      accounts: 1,
      payloads: 8,
    });
    expect(rebuilt?.compared).to.have.members(projections.map(({ name }) => name));
    expect(rebuilt?.notCompared).to.deep.equal([]);
    expect(await projectionStates(readStore)).to.deep.equal(before);
  });

  it('finds nothing in an empty log', async () => {
    await loadProjections(readStore, projections);
    const { findings, checked } = await audit({ skipRebuild: false });
    expect(findings.kept).to.deep.equal([]);
    expect(checked.events).to.equal(0);
  });

  it('compares read models where they stand, however far that is', async () => {
    await told();
    const later = openStory();
    later.deposit(1_000n);
    await append(later);
    expect((await audit({ settled: false })).findings.kept).to.deep.equal([]);
  });

  const planted: readonly (readonly [string, string, Finding['invariant']])[] = [
    ['an execution that is lost', "DELETE FROM readmodel.executions WHERE status = 'FAILED'", 'I1'],
    [
      'a cost that was not charged',
      `UPDATE readmodel.executions
       SET body = replace(body::text, '"cost":"0.010"', '"cost":"0.011"')::json`,
      'I4',
    ],
    [
      'a hold that is not open',
      `INSERT INTO readmodel.holds
       SELECT 'hold_1', organization_id, 'exec_1', 0, 1, now(), 1 FROM readmodel.account_balances`,
      'I2',
    ],
    ['money from nowhere', 'UPDATE readmodel.account_balances SET available_micros = 0', 'I3'],
    [
      'a gap in a feed',
      `UPDATE readmodel.feed_events SET sequence = sequence + 1
       WHERE sequence = (SELECT max(sequence) FROM readmodel.feed_events)`,
      'I8',
    ],
    ['a forgotten event of a feed', 'DELETE FROM readmodel.feed_events WHERE sequence = 2', 'I8'],
    ['a forgotten delivery', "DELETE FROM readmodel.deliveries WHERE status = 'EXHAUSTED'", 'I5'],
  ];
  for (const [what, sql, invariant] of planted)
    it(`finds ${what} in a read model`, async () => {
      await told();
      await readStore.query(sql);
      expect(only(await audit()).invariant).to.equal(invariant);
    });

  it('finds a ledger that does not add up, or not with the log', async () => {
    const { account } = await told();
    const one = "WHERE entry_type = 'SETTLEMENT' AND amount_micros = -10000";
    await readStore.query(`UPDATE readmodel.ledger_entries SET amount_micros = -9000 ${one}`);
    const { findings } = await audit();
    expect(findings.kept.map(({ invariant, subject }) => [invariant, subject])).to.deep.equal([
      ['I3', account],
      ['I3', account],
    ]);
    expect(findings.kept[1]?.problem).to.equal(
      '0.024 went available → revenue in the ledger, 0.025 by the log',
    );
  });

  it('finds rows that a rebuild does not give (I6), and only a rebuild', async () => {
    await told();
    await readStore.query("UPDATE readmodel.executions SET model = 'another'");
    expect((await audit()).findings.kept).to.deep.equal([]);
    const { invariant, subject } = only(await audit({ skipRebuild: false }));
    expect([invariant, subject]).to.deep.equal(['I6', 'executions']);
  });

  it('finds a projection that stopped, and one that stayed behind', async () => {
    const story = await told();
    await readStore.query(`
      UPDATE readmodel.projections
      SET stopped_at = now(), stopped_position = 7, error = 'poison' WHERE name = 'timers'`);
    expect(only(await audit()).problem).to.equal('it stopped at an event: poison');
    await readStore.query('UPDATE readmodel.projections SET stopped_at = NULL, error = NULL');
    await readStore.query("UPDATE readmodel.projections SET position = 9 WHERE name = 'timers'");
    const late = only(await audit({ catchUpMs: 100 }));
    expect([late.invariant, late.subject]).to.deep.equal(['read models', 'timers']);
    expect(late.problem).to.contain(`position ${story.events.length - 1}`);
  });

  it('finds payloads that are gone, or have other bytes', async () => {
    await told();
    await readStore.query(`
      DELETE FROM eventstore.payloads WHERE ref = (SELECT min(ref) FROM eventstore.payloads)`);
    await readStore.query(`
      UPDATE eventstore.payloads SET bytes = 'x'
      WHERE ref = (SELECT min(ref) FROM eventstore.payloads)`);
    const { findings } = await audit();
    expect(findings.kept.map(({ invariant }) => invariant)).to.deep.equal(['payloads', 'payloads']);
  });

  /** Past every decider and every check of the store. */
  async function plant(stream: StreamName, type: string, data: object): Promise<void> {
    const metadata = {
      $correlationId: 'c',
      $causationId: 'c',
      actor: 'spec',
      schemaVersion: 1,
      time: new Date().toISOString(),
    };
    await readStore.query(
      `INSERT INTO eventstore.events (position, stream, revision, id, type, data, metadata)
       SELECT (SELECT coalesce(max(position), -1) + 1 FROM eventstore.events),
         $1, count(*), $2, $3, $4, $5
       FROM eventstore.events WHERE stream = $1`,
      [stream, randomUUID(), type, JSON.stringify(data), JSON.stringify(metadata)],
    );
  }

  it('finds events that no writer of ours would write, and goes on behind them', async () => {
    const { account } = await told();
    await plant(account, 'FundsDeposited', { amount: 'much' });
    await plant('execution-exec_1', 'ExecutionForgotten', {});
    await plant('delivery-dlv_1', 'DeliverySucceeded', {});
    const { findings, checked } = await audit({ settled: false });
    expect(findings.kept.map(({ invariant, subject }) => [invariant, subject])).to.deep.equal([
      ['log', 'position 47'],
      ['log', 'position 49'],
      ['log', 'ExecutionForgotten'],
    ]);
    expect(checked.events).to.equal(47);
  });

  it('finds what a provider was paid for twice, or without a claim', async () => {
    const story = await told();
    const key = story.events.flatMap(({ type, data }) =>
      type === 'ProviderDispatched' ? [data.dispatchKey] : [],
    )[0];
    const call = { call: 1, finished: true, personality: 'aurora', dispatchKey: key, paid: true };
    const calls = [
      { ...call, finished: false, paid: false },
      call,
      { ...call, call: 2, paid: false },
      { ...call, call: 3 },
      { ...call, call: 4, dispatchKey: 'exec_unheard.1' },
    ];
    const dir = await mkdtemp(join(tmpdir(), 'modelroute-record-'));
    const receiverRecord = join(dir, 'calls.ndjson');
    await writeFile(receiverRecord, calls.map((line) => `${JSON.stringify(line)}\n`).join(''));
    const { findings } = await audit({ receiverRecord });
    await rm(dir, { recursive: true });
    expect(findings.kept).to.deep.equal([
      { invariant: 'I4', subject: key, problem: '2 calls were paid for at aurora' },
      {
        invariant: 'I4',
        subject: 'exec_unheard.1',
        problem: 'a call was paid for at aurora, and nobody claimed it',
      },
    ]);
  });

  it('finds two paid calls of one execution, unless the log has one as unknown', async () => {
    const story = openStory();
    story.deposit(100_000n);
    const run = (end: 'ProviderFailed' | 'ProviderOutcomeUnknown') => {
      const id = story.execution();
      const holdId = story.place(id, 30_000n);
      story.request(id, holdId, 30_000n);
      story.dispatch(id, 1);
      story.on(id, end, { attempt: 1 });
      const dispatchKey = end === 'ProviderFailed' ? `${id}.2` : `${id}.1`;
      story.dispatch(id, 2, { dispatchKey });
      story.complete(id, holdId, 10_000n, { attempt: 2 });
      story.settle(id, holdId, [10_000n, 20_000n]);
      return id;
    };
    const [failed, unknown] = [run('ProviderFailed'), run('ProviderOutcomeUnknown')];
    await append(story);
    await project();
    const invoice = [`${failed}.1`, `${failed}.2`, `${unknown}.1`].map((key) => ({
      idempotency_key: key,
      provider: 'aurora',
    }));
    const dir = await mkdtemp(join(tmpdir(), 'modelroute-invoice-'));
    const receiverRecord = join(dir, 'invoice.json');
    await writeFile(receiverRecord, JSON.stringify(invoice));
    const { findings, receiverCalls, paidAgain } = await audit({ receiverRecord, deep: false });
    await rm(dir, { recursive: true });
    expect([receiverCalls, paidAgain]).to.deep.equal([3, 0]);
    expect(findings.kept).to.deep.equal([
      {
        invariant: 'I4',
        subject: `execution-${failed}`,
        problem:
          '2 calls were paid for, and none of these ended as unknown: ' +
          `${failed}.1, ${failed}.2`,
      },
    ]);
  });

  it('gives a system at work its time by the clock of the database', async () => {
    const story = openStory();
    story.deposit(10_000n);
    story.place(story.execution(), 10_000n);
    await append(story);
    await project();
    expect(only(await audit({ settled: false })).invariant).to.equal('I2');
    const unserved = await auditDatabase(
      { ...looked(), isServed: false },
      () => Promise.resolve(PAYLOAD),
      { deep: false, settled: false, skipRebuild: true, receiverRecord: undefined },
      new AbortController().signal,
    );
    expect(unserved.findings.kept).to.deep.equal([]);
  });
});
