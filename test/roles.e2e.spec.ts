/** A process for each role on one database and one bucket: every one does its part and no other. */
import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import { clientOf, newTenant, operate, send, type Client } from '../testing/client.js';
import { eventually } from '../testing/eventually.js';
import { accept, imageOf, newKey, textOf, whenOver } from './testing/executions.js';
import { freshDatabase } from '../infra/postgres/testing/fresh-database.js';
import { callsFor } from '../sandbox/testing/behaviour.js';
import { startReceiver, type Receiver } from '../testing/receiver.js';
import { startSystem, type System } from '../testing/system.js';
import { freePort } from '../testing/free-port.js';
import { versitygwInSuite } from '../infra/object-store/testing/versitygw.js';

interface SpanSent {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
}

interface SpansSent {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly { readonly spans: readonly SpanSent[] }[];
  }[];
}

const spansIn = ({ told }: Receiver): SpanSent[] =>
  told
    .map(({ raw }) => JSON.parse(raw) as SpansSent)
    .flatMap(({ resourceSpans }) => resourceSpans)
    .flatMap(({ scopeSpans }) => scopeSpans)
    .flatMap(({ spans }) => spans);

/** Of the document: what is there by path and method. */
type Paths = Record<string, Record<string, { readonly security?: readonly object[] }>>;

const METRICS_KEY = 'a-scraper-of-the-specs';
const UNREADY = { status: 'unready', failing: ['file-store'] };

describe('roles apart', function () {
  this.timeout(60_000);
  const store = versitygwInSuite();
  let commands: System;
  let queries: System;
  let workers: System;
  /** Of one tenant, at either door. */
  let writer: Client;
  let reader: Client;
  /** Of traces. */
  let collector: Receiver;
  before(async function () {
    this.timeout(120_000);
    const { url } = await freshDatabase();
    const port = await freePort();
    collector = await startReceiver({ body: Buffer.from('{}') });
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: new URL(collector.url).origin,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-collector=of-the-specs',
      OTEL_BSP_SCHEDULE_DELAY: '200',
      ...store().env,
      DATABASE_URL: url,
      MODELROUTE_MASTER_KEY: 'm'.repeat(32),
      MODELROUTE_METRICS_KEY: METRICS_KEY,
      MODELROUTE_PUBLIC_URL: `http://127.0.0.1:${port}`,
    };
    const scraped = { ...env, MODELROUTE_METRICS_PORT: '0' };
    workers = await startSystem({ roles: 'processors,projectors,sandbox', env: scraped });
    const more = { ...env, SANDBOX_URL: workers.sandboxUrl };
    [commands, queries] = await Promise.all([
      startSystem({ roles: 'command-api', env: { ...more, PORT: String(port) } }),
      startSystem({ roles: 'query-api', env: more }),
    ]);
    ({ api: writer } = await newTenant(commands));
    reader = clientOf(queries, writer.apiKey);
  });
  after(async function () {
    this.timeout(60_000);
    const all = [commands, queries, workers].filter((system) => system !== undefined);
    const codes = await Promise.all(all.map((system) => system.stop()));
    expect(codes).to.deep.equal(codes.map(() => 0));
  });

  const seenAt = (system: System, path: string) => send(`${system.baseUrl}${path}`, 'GET');
  const everyone = () => [commands, queries, workers];

  /** What an operator would have to look at, or what was told outside of the log. */
  const troubleOf = (system: System) =>
    system.lines().filter((line) => !line.startsWith('{') || line.includes('"level":"error"'));

  it('are told apart by method alone, and each describes the whole API', async () => {
    const page = (system: System) =>
      send<{ paths: Paths }>(`${system.baseUrl}/openapi.json`, 'GET');
    const documents = await Promise.all(everyone().map(page));
    expect(new Set(documents.map(({ text }) => text)).size).to.equal(1);
    const paths = documents[0]?.body.paths ?? {};
    expect(paths['/v1/executions']).to.have.all.keys('get', 'post');
    for (const [path, methods] of Object.entries(paths))
      for (const [method, { security }] of Object.entries(methods)) {
        const isRead = method === 'get';
        const asked = path.replaceAll(/\{\w+\}/g, 'none');
        const [right, wrong] = isRead ? [queries, commands] : [commands, queries];
        const answer = (system: System) => send(`${system.baseUrl}${asked}`, method.toUpperCase());
        const { status } = await answer(right);
        // A link carries its own proof, and is looked up; what the log publishes asks for no key.
        const isPublic = security?.length === 0;
        if (path.includes('{token}')) expect(status, `${method} ${path}`).to.equal(404);
        else expect(status === 401, `${method} ${path}: ${status}`).to.equal(!isPublic);
        expect((await answer(wrong)).status, `${method} ${path}`).to.equal(404);
      }
  });

  it('have one trace of an execution, from the caller to the webhook', async () => {
    const receiver = await startReceiver();
    const traceId = randomBytes(16).toString('hex');
    const callersSpan = randomBytes(8).toString('hex');
    const prompt = 'Nobody reads this in a trace';
    const submitted = await writer.call<{ id: string }>('POST', '/executions', {
      body: textOf(prompt, { webhook_url: receiver.url }),
      headers: { 'idempotency-key': 'traced', traceparent: `00-${traceId}-${callersSpan}-01` },
    });
    expect(submitted.status).to.equal(202);
    const expected = [
      'POST /v1/executions',
      'hold and append',
      'provider attempt',
      'settle',
      'wait for a provider',
      'webhook delivery',
      'webhook delivery',
    ];
    const spans = await eventually(
      'every span is collected',
      () => {
        const own = spansIn(collector).filter((span) => span.traceId === traceId);
        return own.length >= expected.length ? own : undefined;
      },
      20_000,
    );
    expect(spans.map(({ name }) => name).sort()).to.deep.equal(expected);
    const [request] = spans.filter(({ name }) => name === 'POST /v1/executions');
    expect(request?.parentSpanId).to.equal(callersSpan);
    const others = spans.filter((span) => span !== request);
    for (const { name, parentSpanId } of others)
      expect(parentSpanId, name).to.equal(request?.spanId);
    const deliveries = spans.filter(({ name }) => name === 'webhook delivery');
    const sent = receiver.told.map(({ headers }) => headers['traceparent']);
    expect(sent.toSorted()).to.deep.equal(
      deliveries.map(({ spanId }) => `00-${traceId}-${spanId}-01`).toSorted(),
    );
    expect(new Set(collector.told.map(({ headers }) => headers['x-collector']))).to.deep.equal(
      new Set(['of-the-specs']),
    );
    const all = collector.told.map(({ raw }) => raw).join();
    expect(all).to.include(submitted.body.id);
    for (const secret of [prompt, writer.apiKey, receiver.url]) expect(all).not.to.include(secret);
    const asked = await send<{ data: { headers: object }[] }>(
      `${workers.sandboxUrl}/_sandbox/requests`,
      'GET',
    );
    for (const trace of [traceId, 'traceparent']) expect(asked.text).not.to.include(trace);
    await receiver.close();
  });

  it('have a span for each execution that a batch places', async () => {
    const traceId = randomBytes(16).toString('hex');
    const items = ['a', 'b'].map((name) => ({ ...textOf(name), idempotency_key: `span-${name}` }));
    await writer.call('POST', '/executions/batch', {
      body: { executions: items },
      headers: { traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01` },
    });
    const placed = await eventually(
      'both spans are collected',
      () => {
        const own = spansIn(collector).filter((span) => span.traceId === traceId);
        const found = own.filter(({ name }) => name === 'hold and append');
        return found.length >= 2 ? found : undefined;
      },
      20_000,
    );
    expect(placed).to.have.length(2);
  });

  it('are watched alike', async () => {
    for (const system of everyone()) {
      const pages = ['/healthz', '/readyz', '/docs', '/metrics'];
      const answers = await Promise.all(pages.map((path) => seenAt(system, path)));
      expect(answers.map(({ status }) => status)).to.deep.equal([200, 200, 200, 401]);
      const headers = { authorization: `Bearer ${METRICS_KEY}` };
      const figures = await send(`${system.baseUrl}/metrics`, 'GET', { headers });
      expect(figures.status).to.equal(200);
      expect(figures.headers['content-type']).to.match(/^text\/plain/);
    }
    const headers = { authorization: `Bearer ${METRICS_KEY}` };
    const asOperator = await send(`${queries.baseUrl}/admin/v1/groups`, 'GET', { headers });
    expect(asOperator.status).to.equal(401);
    const [address] = workers
      .messages()
      .flatMap((message) => /^figures are served on (http:.*)$/.exec(message)?.[1] ?? []);
    expect((await send(address ?? '', 'GET')).text).to.match(/^process_cpu_user_seconds_total /m);
    expect((await send(address?.replace('/metrics', '/healthz') ?? '', 'GET')).status).to.equal(
      404,
    );
    await operate(queries, '/groups');
  });

  it('make a picture together, which lies in the bucket', async () => {
    const { id } = await accept(writer, imageOf('Together'));
    expect((await whenOver(reader, id)).status).to.equal('COMPLETED');
    const { body } = await reader.result(id);
    const [image] = body.output.images ?? [];
    const path = `/files/${image?.file_id}/download`;
    const { status, bytes, headers } = await reader.call('GET', path);
    expect([status, headers['content-type']]).to.deep.equal([200, 'image/png']);
    expect(bytes.subarray(1, 4).toString()).to.equal('PNG');
  });

  it('make a video together, called back at one door, read behind another', async () => {
    const input = { prompt: 'Together', duration_s: 1 };
    const model = 'video-generation-standard';
    const { id } = await accept(writer, { model, input });
    expect((await whenOver(reader, id)).status).to.equal('COMPLETED');
    expect((await callsFor(workers.sandboxUrl, id)).map(({ path }) => path)).to.deep.equal([
      '/vega/v1/models/vega/film-1/predictions',
    ]);
  });

  it('lose nothing while the bucket is away, and say so', async () => {
    const long = textOf('Long. '.repeat(12_000));
    const key = newKey();
    await store().kill9();
    let waiting: string;
    try {
      ({ id: waiting } = await accept(writer, imageOf('Meanwhile')));
      const refused = await writer.submit(long, key);
      expect([refused.status, refused.headers['retry-after']]).to.deep.equal([503, '1']);
      await eventually('who needs the bucket is not ready', async () => {
        const { status, body } = await seenAt(workers, '/readyz');
        return isDeepStrictEqual([status, body], [503, UNREADY]);
      });
      for (const api of [commands, queries])
        expect((await seenAt(api, '/readyz')).status, 'goes on').to.equal(200);
      await eventually('the provider has answered', async () => {
        const [call] = await callsFor(workers.sandboxUrl, waiting);
        return call?.status === 200;
      });
    } finally {
      await store().restart();
    }
    const accepted = await writer.submit(long, key);
    expect(accepted.status).to.equal(202);
    for (const id of [waiting, accepted.body.id]) {
      expect((await whenOver(reader, id)).status).to.equal('COMPLETED');
      expect(await callsFor(workers.sandboxUrl, id)).to.have.length(1);
    }
    expect(everyone().flatMap(troubleOf)).to.deep.equal([]);
  });
});
