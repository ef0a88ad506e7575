/**
 * Exports of a small system's feeds: whatever dies meanwhile, files hold each event once, and are
 * the same as those of an export that nothing happened to.
 */
import { expect } from 'chai';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parquetReadObjects } from 'hyparquet';
import { formatMoney, parseMoney } from '../../contracts/money.js';
import { cloudEventText } from '../../domain/feed/cloud-event.js';
import { operatorFieldsOf } from '../../domain/proof/operator-fields.js';
import { sharedKafka } from '../../infra/event-bus/kafka/testing/broker.js';
import { filesSink } from '../../infra/export-sinks/files.js';
import { openFolderStore } from '../../infra/export-sinks/folder.js';
import { openSink, type SinkSettings } from '../../infra/export-sinks/open-sink.js';
import type { ExportSink } from '../../infra/export-sinks/port.js';
import { openTopics } from '../../infra/export-sinks/testing/topics.js';
import type { Exports, ExportSettings, StoredExport } from '../../infra/exports/port.js';
import { versitygwInSuite } from '../../infra/object-store/testing/versitygw.js';
import { readAllFeeds, type PlacedFeedEvent } from '../../infra/read-store/feed.js';
import { rowsOf } from '../../infra/read-store/reading.js';
import { projectorWorkers } from '../../projectors/app.js';
import type { Infra } from '../../runtime/infra.js';
import { openSpecInfra, type SpecInfra } from '../../runtime/testing/spec-infra.js';
import { eventually } from '../../testing/eventually.js';
import { filesUnder } from '../../testing/folders.js';
import { skip } from '../../testing/skip.js';
import { processorWorkers } from '../app.js';
import { ask, IMAGE, newOrganization, smallImage, whenOver } from '../testing/kit.js';
import { exportEvents } from './export-events.js';
import { runExport } from './run-export.js';
import { openAnalyst } from './testing/analyst.js';

const EVENTS_MAX = 7;
const AHEAD_MS = 3_600_000;
const DEADLINE_MS = 30_000;

describe('export-events', function () {
  this.timeout(90_000);
  const server = versitygwInSuite();
  let spec: SpecInfra;
  let all: readonly PlacedFeedEvent[];
  const [ours, theirs] = [newOrganization(), newOrganization()];

  before(async () => {
    spec = await openSpecInfra();
    const { infra } = spec;
    const stop = spec.run([...projectorWorkers(infra), ...processorWorkers(infra)]);
    for (let n = 0; n < 6; n++) {
      const organizationId = n % 3 === 2 ? theirs : ours;
      const wish = n % 2 ? { model: IMAGE, input: smallImage('Boats') } : {};
      await whenOver(infra, await ask(infra, { organizationId, ...wish }));
    }
    const isSettled = async () =>
      (await feeds()).filter(({ event }) => /^hold\.(settled|released)$/.test(event.type)).length;
    await eventually('all is settled', async () => (await isSettled()) === 6, DEADLINE_MS);
    await stop();
    all = await feeds();
    spec.clock.aheadMs = AHEAD_MS;
  });
  after(() => spec?.close());

  const feeds = () =>
    readAllFeeds((question) => rowsOf(spec.infra.readStore, question), -1n, 10_000);

  const settings = (name: string, given: Partial<ExportSettings> = {}): ExportSettings => ({
    name,
    organizationId: undefined,
    format: 'ndjson.gz',
    sink: { folder: name },
    hasOperators: false,
    from: 0n,
    eventsMax: EVENTS_MAX,
    delaySeconds: 60,
    ...given,
  });
  const folderOf = (name: string) => join(spec.infra.config.dataDir, 'exports', name);
  const sinkOf = (given: SinkSettings) =>
    openSink({ ...spec.infra.config, credential: credentialOf, log: spec.infra.log }, given);
  const credentialOf = (name: string) => {
    const { accessKeyId, secretAccessKey } = server().config.credentials!;
    return name === 'MODELROUTE_EXPORT_KEY' ? accessKeyId : secretAccessKey;
  };

  async function stored(name: string): Promise<StoredExport> {
    const found = (await spec.infra.exports.list()).find((one) => one.name === name);
    if (!found) throw new Error(`there is no export ${name}`);
    return found;
  }
  const isDone =
    (name: string, count = all.length) =>
    async () =>
      (await stored(name)).done === BigInt(count);

  /** Set, and run until everything is in files. */
  async function exported(given: ExportSettings, count = all.length): Promise<void> {
    expect(await spec.infra.exports.set(given)).to.equal('set');
    const stop = spec.run([exportEvents(spec.infra, sinkOf)]);
    await eventually(`${given.name} is done`, isDone(given.name, count), DEADLINE_MS);
    await stop();
  }

  async function filesIn(dir: string): Promise<ReadonlyMap<string, Buffer>> {
    const files = new Map<string, Buffer>();
    for (const name of await filesUnder(dir)) files.set(name, await readFile(join(dir, name)));
    return files;
  }
  const linesIn = (files: ReadonlyMap<string, Buffer>): readonly string[] =>
    [...files.values()].flatMap((bytes) => gunzipSync(bytes).toString().trimEnd().split('\n'));

  async function rowsIn(dir: string): Promise<Record<string, unknown>[]> {
    const rows: Record<string, unknown>[] = [];
    for (const { buffer, byteOffset, byteLength } of (await filesIn(dir)).values()) {
      const file = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
      rows.push(...(await parquetReadObjects({ file })));
    }
    return rows;
  }

  it('writes every feed, each event once, in files of the hour in which it happened', async () => {
    await exported(settings('whole'));
    const files = await filesIn(folderOf('whole'));
    expect([...linesIn(files)].sort()).to.deep.equal(
      all.map(({ event }) => cloudEventText(event)).sort(),
    );
    const [first] = files.keys();
    const { at } = all[0]!.event;
    expect(first).to.equal(
      `day=${at.slice(0, 10)}/hour=${at.slice(11, 13)}/0000000000000001-0000000000000007.ndjson.gz`,
    );
    const state = await stored('whole');
    expect(Number(state.events)).to.equal(all.length);
    expect(Number(state.files)).to.equal(files.size);
    expect(state.planned).to.equal(undefined);
  });

  it('begins where it is told, and counts on as if it had begun before', async () => {
    const from = all[9]!.position;
    await exported(settings('later', { from }));
    const files = await filesIn(folderOf('later'));
    expect([...linesIn(files)].sort()).to.deep.equal(
      all
        .slice(9)
        .map(({ event }) => cloudEventText(event))
        .sort(),
    );
    expect([...files.keys()][0]).to.match(/0000000000000010-0000000000000016\.ndjson\.gz$/);
  });

  type Around = <T>(work: () => Promise<T>) => Promise<T>;

  /** Dies at one of the steps: before and after each plan, each of its sink, and each record. */
  function dyingAt(
    step: number,
    infra: Infra,
    dyingSink: (around: Around, given: SinkSettings) => Promise<ExportSink>,
  ) {
    const dead = new AbortController();
    let steps = 0;
    const reached = () => {
      if (steps++ !== step) return;
      dead.abort();
      throw new Error('killed');
    };
    const around: Around = async (work) => {
      reached();
      const answer = await work();
      reached();
      return answer;
    };
    const { exports } = infra;
    const watched: Exports = {
      ...exports,
      plan: (...given) => around(() => exports.plan(...given)),
      finish: (...given) => around(() => exports.finish(...given)),
    };
    const sinkOf = (given: SinkSettings) => dyingSink(around, given);
    return { exporting: { ...infra, exports: watched, sinkOf }, signal: dead.signal };
  }

  async function dyingFolder(around: Around, { sink, hasOperators }: SinkSettings) {
    const store = await openFolderStore(folderOf(sink.folder ?? ''));
    const put = (...given: Parameters<typeof store.put>) => around(() => store.put(...given));
    return filesSink({ ...store, put }, { format: 'ndjson.gz', hasOperators });
  }

  it('killed at every step, leaves the files of one that nothing happened to', async () => {
    const { infra } = spec;
    await infra.exports.set(settings('killed'));
    const id = { id: (await stored('killed')).id, name: 'killed' };
    let lives = 0;
    for (; !(await isDone('killed')()); lives++) {
      const { exporting, signal } = dyingAt(lives % 6, infra, dyingFolder);
      await runExport(exporting, id, AbortSignal.any([signal, AbortSignal.timeout(1_000)]));
    }
    expect(lives).to.be.greaterThan(6);
    expect(await filesIn(folderOf('killed'))).to.deep.equal(await filesIn(folderOf('whole')));
  });

  it('two that both think it is theirs leave the same files', async () => {
    const other = await spec.another();
    await spec.infra.exports.set(settings('twice'));
    const ended = new AbortController();
    const one = await stored('twice');
    const runs = [spec.infra, other.infra].map((infra) =>
      runExport({ ...infra, sinkOf }, one, ended.signal),
    );
    await eventually('it is done', isDone('twice'), DEADLINE_MS);
    ended.abort();
    await Promise.all(runs);
    expect(await filesIn(folderOf('twice'))).to.deep.equal(await filesIn(folderOf('whole')));
    expect(Number((await stored('twice')).events)).to.equal(all.length);
  });

  it('a bucket that is away holds up nothing else, and gets the same files later', async () => {
    const { infra } = spec;
    const bucket = 'exports-of-a-spec';
    const dir = join(server().dir, bucket);
    await mkdir(dir, { recursive: true });
    const names = {
      access_key_env: 'MODELROUTE_EXPORT_KEY',
      secret_key_env: 'MODELROUTE_EXPORT_SECRET',
    };
    const s3 = { endpoint: server().endpoint, bucket, ...names };
    await server().kill9();
    await infra.exports.set(settings('away', { sink: { s3 } }));
    await infra.exports.set(settings('beside'));
    const stop = spec.run([exportEvents(infra, sinkOf)]);
    try {
      await eventually('the other one is done', isDone('beside'), DEADLINE_MS);
      await eventually(
        'it says why it does not go on',
        async () => (await stored('away')).error !== undefined,
        DEADLINE_MS,
      );
      const { done, planned, error, retryAt, failures } = await stored('away');
      expect([done, planned]).to.deep.equal([0n, 7n]);
      expect(error).to.match(/the S3 store cannot be used now/);
      expect(failures).to.be.at.least(1);
      expect(retryAt).to.be.instanceOf(Date);
      const metrics = await infra.metrics.registry.metrics();
      expect(metrics).to.match(/export_failing\{export="away"\} 1/);
      expect(metrics).to.match(/export_lag_seconds\{export="away"\} 3\d\d\d/);
    } finally {
      await server().restart();
    }
    await eventually('it is done', isDone('away'), DEADLINE_MS);
    await stop();
    expect(await filesIn(dir)).to.deep.equal(await filesIn(folderOf('whole')));
    expect((await stored('away')).error).to.equal(undefined);
  });

  it('a topic has each event once, though exporter and broker are killed', async function () {
    const broker = await sharedKafka();
    if (typeof broker === 'string') return skip(this, broker);
    const { infra } = spec;
    const topics = await openTopics(broker.brokers);
    const kafka = { brokers: topics.brokers, topic: await topics.create(2), tls: false };
    const sink = { kafka };
    await infra.exports.set(settings('topic', { format: 'cloudevents', sink, hasOperators: true }));
    const one = await stored('topic');
    const dyingTopic = async (around: Around, given: SinkSettings): Promise<ExportSink> => {
      const target = await sinkOf(given);
      return { ...target, write: (...plan) => around(() => target.write(...plan)) };
    };
    for (let lives = 0; lives < 6; lives++) {
      const { exporting, signal } = dyingAt(lives % 6, infra, dyingTopic);
      await runExport(exporting, one, AbortSignal.any([signal, AbortSignal.timeout(400)]));
    }
    expect(await isDone('topic')()).to.equal(false);
    await broker.kill9();
    await infra.exports.set(settings('beside a topic'));
    const stop = spec.run([exportEvents(infra, sinkOf)]);
    try {
      await eventually('the other one is done', isDone('beside a topic'), DEADLINE_MS);
      const isFailing = async () => (await stored('topic')).error !== undefined;
      await eventually('it says why it does not go on', isFailing, DEADLINE_MS);
      expect((await stored('topic')).error).to.match(/^the topic cannot be written now: /);
      const lag = /export_lag_seconds\{export="topic"\} 3\d\d\d/;
      const isShown = async () => lag.test(await infra.metrics.registry.metrics());
      await eventually('its lag is shown', isShown, DEADLINE_MS);
    } finally {
      await broker.restart();
    }
    await eventually('it is done', isDone('topic'), DEADLINE_MS);
    await stop();
    const records = await topics.read(kafka.topic);
    await topics.close();
    expect(records.map(({ headers }) => headers['ce_id']).sort()).to.deep.equal(
      all.map(({ event }) => `evt_${event.eventId}`).sort(),
    );
    expect(new Set(records.map(({ headers }) => headers['ce_provider'])).size).to.be.above(1);
    const { files, lastFile } = await stored('topic');
    expect([files, lastFile]).to.deep.equal([0n, undefined]);
  });

  /** What only operators know, by the ids of events, as the log says it. */
  async function operatorsIn(infra: Infra) {
    const { events } = await infra.store.readAll(-1n, 10_000);
    return new Map(events.map((event) => [`evt_${event.id}`, operatorFieldsOf(event)]));
  }

  it('of all feeds has what only operators know, where it is asked for', async () => {
    const given = { hasOperators: true, eventsMax: 50_000 };
    await exported(settings('operators', { ...given, format: 'parquet' }));
    const rows = await rowsIn(folderOf('operators'));
    expect(rows.length).to.equal(all.length);
    const known = await operatorsIn(spec.infra);
    for (const row of rows) {
      const fields = known.get(String(row['id'])) ?? {};
      const { provider_cost: cost } = fields;
      expect(row, String(row['type'])).to.include({
        catalogue_version: fields.catalogue_version ?? null,
        provider: fields.provider ?? null,
        provider_account: fields.provider_account ?? null,
        route: fields.route ?? null,
        region: fields.region ?? null,
        provider_cost_micros: typeof cost === 'string' ? parseMoney(cost) : null,
      });
    }
    expect(rows.filter((row) => row['provider_cost_micros'] !== null)).not.to.deep.equal([]);
    await exported(settings('operator-lines', given));
    for (const line of linesIn(await filesIn(folderOf('operator-lines')))) {
      const event = JSON.parse(line) as Record<string, unknown>;
      const { provider, provider_cost: cost } = known.get(String(event['id'])) ?? {};
      expect([event['provider'], event['providercost']]).to.deep.equal([provider, cost]);
    }
  });

  it('one organization has its own feed, as rows of flat columns', async () => {
    const own = all.filter(({ event }) => event.organizationId === ours);
    await exported(
      settings('ours', { organizationId: ours, format: 'parquet', eventsMax: 50_000 }),
      own.length,
    );
    const rows = await rowsIn(folderOf('ours'));
    rows.sort((a, b) => Number(a['sequence']) - Number(b['sequence']));
    expect(rows.map((row) => row['id'])).to.deep.equal(
      own.map(({ event }) => `evt_${event.eventId}`),
    );
    const requested = rows.find((row) => row['type'] === 'execution.accepted');
    const event = own.find((one) => one.event.type === 'execution.accepted')!.event;
    const data = JSON.parse(event.data) as Record<string, unknown>;
    expect(requested).to.deep.equal({
      organization_id: ours,
      sequence: event.sequence,
      id: `evt_${event.eventId}`,
      type: 'execution.accepted',
      subject: event.subject,
      time: new Date(event.at),
      execution_id: event.subject,
      model: data['model'],
      status: 'PENDING',
      api_key_id: data['api_key_id'],
      cost_micros: null,
      charged_micros: null,
      amount_micros: null,
      returned_micros: null,
      available_micros: null,
      held_micros: null,
      data,
    });
  });

  it("an analyst's cost per day and model, from files alone, is the ledger's", async function () {
    const analyst = await openAnalyst();
    if (typeof analyst === 'string') return skip(this, analyst);
    const rows = await analyst.dailyCost(folderOf('ours'));
    expect(rows.map(({ model }) => model)).to.include(IMAGE);
    const cost = rows.reduce((sum, row) => sum + (parseMoney(row.cost) ?? 0n), 0n);
    const [ledger] = await rowsOf(spec.infra.readStore, {
      text: `SELECT -sum(amount_micros)::bigint AS spent FROM readmodel.ledger_entries
        WHERE organization_id = $1 AND entry_type = 'SETTLEMENT'`,
      values: [ours],
    });
    expect(cost > 0n).to.equal(true);
    expect(formatMoney(cost)).to.equal(formatMoney(ledger?.['spent'] as bigint));
  });

  it("an operator's margin, from files alone, is what the log says", async function () {
    const analyst = await openAnalyst();
    if (typeof analyst === 'string') return skip(this, analyst);
    const rows = await analyst.margin(folderOf('operators'));
    expect(rows.map(({ model }) => model)).to.include(IMAGE);
    expect(rows.every(({ provider }) => provider !== 'None')).to.equal(true);
    const sum = (of: 'charged' | 'cost') =>
      rows.reduce((total, row) => total + (parseMoney(row[of]) ?? 0n), 0n);
    const { events } = await spec.infra.store.readAll(-1n, 10_000);
    let [charged, cost] = [0n, 0n];
    for (const { type, data } of events) {
      if (type === 'HoldSettled') charged += data.charged;
      if (type === 'ExecutionCompleted') cost += data.providerCost;
    }
    expect([sum('charged'), sum('cost')]).to.deep.equal([charged, cost]);
    expect(cost > 0n).to.equal(true);
    const margin = rows.reduce((total, row) => total + Number(row.margin), 0);
    expect(margin).to.be.closeTo(Number(charged - cost) / 1e6, 1e-9);
  });
});
