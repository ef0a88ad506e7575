/** Answers for earlier moments equal those that were given then. */
import { expect } from 'chai';
import type { ExecutionId, OrganizationId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { at, ORGANIZATION, type Fact } from '../../projectors/testing/kit.js';
import type { Client, ErrorBody } from '../../testing/client.js';
import { openQueryServer, type QueryServer } from '../testing/kit.js';
import { randomAccount } from '../testing/random-account.js';

const OTHER: OrganizationId = 'org_99999999-9999-4999-8999-999999999999';

interface OperatorView {
  readonly events: readonly { readonly position: string; readonly at: string }[];
}

interface ModelBody {
  readonly price: { readonly per_request: string };
}

interface Recorded {
  readonly second: number;
  /** Of the newest event of the feed. */
  readonly sequence: bigint;
  readonly answers: Readonly<Record<string, unknown>>;
}

describe('query API: answers for earlier moments', function () {
  this.timeout(60_000);
  let server: QueryServer;
  let api: Client;
  before(async () => {
    server = await openQueryServer();
    api = await server.tenant(ORGANIZATION);
    server.startProjecting();
  });
  after(() => server?.close());

  const answersOf = async (paths: readonly string[], query = '') => {
    const answers = paths.map(async (path) => {
      const mark = path.includes('?') ? '&' : '?';
      const { status, body } = await api.call('GET', `${path}${query && `${mark}${query}`}`);
      return [path, status === 200 ? lasting(body) : status] as const;
    });
    return Object.fromEntries(await Promise.all(answers));
  };

  const newest = async () => {
    const { pool, progress, store } = server.models;
    expect(await progress.passed('feed', await store.head(), 10_000)).to.equal(true);
    const { rows } = await pool.query<{ sequence: bigint }>(
      'SELECT sequence FROM readmodel.feed_heads WHERE organization_id = $1',
      [ORGANIZATION],
    );
    return rows[0]?.sequence ?? 0n;
  };

  it('are those of then, however many events came since', async () => {
    const recorded: Recorded[] = [];
    const life = randomAccount(212, { seconds: 30, floodEvents: 1_050 });
    for (const { second, facts, executionIds } of life) {
      await server.models.append(...facts);
      const shown = [...executionIds.slice(0, 3), ...executionIds.slice(-1)];
      const answers = await answersOf([...PATHS, ...shown.map(pathOf)]);
      recorded.push({ second, sequence: await newest(), answers });
    }
    expect(await server.models.rows('readmodel.long_holds')).to.not.deep.equal([]);
    const statuses = recorded.flatMap(({ answers }) => Object.values(answers)).map(statusIn);
    expect([...new Set(statuses)]).to.include.members(STATUSES);
    for (const { second, sequence, answers } of recorded)
      for (const asOf of [at(second), `${sequence}`]) {
        const again = await answersOf(Object.keys(answers), `as_of=${asOf}`);
        expect(again, `as of ${asOf}`).to.deep.equal(answers);
      }
  });

  it('come in pages, whose cursor is of that moment alone', async () => {
    const path = `/billing/ledger?as_of=${at(40)}`;
    const all = await api.all(path);
    const { body } = await api.call<{ next_cursor: string }>('GET', `${path}&limit=7`);
    const rest = await api.call<{ data: object[] }>('GET', `${path}&cursor=${body.next_cursor}`);
    expect(rest.body.data).to.deep.equal(all.slice(7, 57));
    const elsewhere = `/billing/ledger?as_of=${at(41)}&cursor=${body.next_cursor}`;
    expect((await api.call('GET', elsewhere)).status).to.equal(400);
    expect((await api.call('GET', `/billing/ledger?cursor=${body.next_cursor}`)).status).to.equal(
      400,
    );
  });

  it('of before the first event: nothing was there', async () => {
    for (const asOf of ['2020-02-29', '0'])
      expect(await answersOf(PATHS, `as_of=${asOf}`)).to.deep.equal({
        '/billing/balance': { available: '0.000', held: '0.000', total: '0.000' },
        '/billing/ledger?limit=20': { data: [] },
        '/billing/holds?limit=1000': { data: [] },
      });
    const [execution] = await api.all<{ id: string }>('/executions');
    const stranger = await server.tenant(OTHER);
    const notFound = (client: Client, as_of: string) =>
      client.call<ErrorBody>('GET', `/executions/${execution?.id}?as_of=${as_of}`);
    expect((await notFound(api, '2020-02-29')).body.error.code).to.equal('NOT_FOUND');
    expect((await notFound(stranger, at(900))).body.error.code).to.equal('NOT_FOUND');
  });

  it('a price is that of the catalogue in force then, also of a model that is gone', async () => {
    const [old, dear] = [priced('v-old', '0.001'), priced('v-dear', '0.002')];
    await server.models.append(old(1_000), tookEffect('v-old', 1_000));
    await server.models.append(dear(1_001), tookEffect('v-dear', 1_001));
    await server.models.append(tookEffect('v-old', 1_002));
    const read = async (slug: string, asOf: string) => {
      const path = `/models/${slug}?as_of=${asOf}`;
      const { status, body } = await api.call<ModelBody>('GET', path);
      return status === 200 ? body.price.per_request : status;
    };
    for (const slug of ['text-generation-standard', 'gone-since'])
      expect([
        await read(slug, at(999)),
        await read(slug, at(1_000)),
        await read(slug, at(1_001)),
        await read(slug, at(1_002)),
      ]).to.deep.equal([404, '0.001', '0.002', '0.001']);
    expect(await read('never-was', at(1_002))).to.equal(404);
  });

  it('say that contents are erased from the moment on at which they were', async () => {
    const [{ id } = { id: '' }] = await api.all<{ id: string }>('/executions?status=COMPLETED');
    const executionId = id as ExecutionId;
    const contents = { payloads: [], bytes: 0, files: [] };
    const data = {
      executionId,
      organizationId: ORGANIZATION,
      cause: 'asked',
      ...contents,
    } as const;
    await server.models.append({
      type: 'PayloadsErased',
      data: { ...data, at: at(2_000) },
      stream: streamOf('erasure', executionId),
    });
    await newest();
    const read = async (query: string) => {
      const { body, headers } = await api.call<object>('GET', `/executions/${id}${query}`);
      return { body, tag: headers['etag'] };
    };
    const [then, since] = [at(1_999), at(2_000)].map((moment) => `?as_of=${moment}`);
    const now = await read('');
    expect(now.body).to.have.property('payloads_erased_at', at(2_000));
    const [before, after] = [await read(then!), await read(since!)];
    expect(after.body).to.deep.equal(now.body);
    expect(before.body).to.not.have.property('payloads_erased_at');
    expect(before.tag).to.not.equal(after.tag);
  });

  it('operators name positions of the log too', async () => {
    const [, { id = '' } = {}] = await api.all<{ id: string }>('/executions');
    const path = `/executions/${id}`;
    const read = async (asOf = '') => {
      const answer = await server.operator<OperatorView>(
        'GET',
        `${path}${asOf && `?as_of=${asOf}`}`,
      );
      return answer.body;
    };
    const { events } = await read();
    for (const [index, { position, at: moment }] of events.entries())
      for (const asOf of [position, moment])
        expect((await read(asOf)).events).to.deep.equal(events.slice(0, index + 1));
    const status = async (asOf: string) =>
      (await server.operator('GET', `${path}/routing?as_of=${asOf}`)).status;
    expect(await status(`${events[0]?.position}`)).to.equal(200);
    expect(await status('0')).to.equal(404);
    expect(await status('999999999')).to.equal(400);
  });

  it('are refused of moments that are none, and of those to come', async () => {
    const codeOf = async (asOf: string) => {
      const path = `/billing/balance?as_of=${asOf}`;
      const { status, body } = await api.call<ErrorBody>('GET', path);
      return [status, body.error.details?.[0]?.field, body.error.details?.[0]?.code];
    };
    expect(await codeOf('yesterday')).to.deep.equal([400, 'as_of', 'pattern']);
    expect(await codeOf('2026-02-30')).to.deep.equal([400, 'as_of', 'pattern']);
    expect(await codeOf('2999-01-01')).to.deep.equal([400, 'as_of', 'in_the_future']);
    expect(await codeOf('1234567')).to.deep.equal([400, 'as_of', 'beyond_the_feed']);
  });
});

/** The same price of a model that the catalogue has, and of one that it has no more. */
const priced = (version: string, price: string) => (second: number) =>
  ({
    stream: `catalogue-${version}`,
    type: 'PricesPublished',
    data: {
      version,
      models: ['text-generation-standard', 'gone-since'].map((slug) => {
        const where = { name: `${slug}/aurora`, provider: 'aurora', providerModel: slug };
        const route = { ...where, price: { per_request: price }, cost: {} };
        return { slug, modality: 'text', usageDefault: {}, routes: [route] };
      }),
      at: at(second),
    },
  }) as const satisfies Fact;

const tookEffect = (version: string, second: number): Fact => ({
  stream: 'catalogue-in_force',
  type: 'CatalogueTookEffect',
  data: { version, at: at(second) },
});

const STATUSES = ['PENDING', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED', 'EXPIRED'];
const statusIn = (answer: unknown) => (answer as { readonly status?: string }).status;

const PATHS = ['/billing/balance', '/billing/ledger?limit=20', '/billing/holds?limit=1000'];

const pathOf = (id: string) => `/executions/${id}`;

/** Cursors are sealed anew each time, and the place in a queue is only of now. */
function lasting(body: object): object {
  const { next_cursor: _, queued_ahead: __, ...rest } = body as Record<string, unknown>;
  return rest;
}
