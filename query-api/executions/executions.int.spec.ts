/** Reading executions: as of now, one's own, in pages. */
import { expect } from 'chai';
import { derivedUuid, type OrganizationId } from '../../contracts/ids.js';
import { at, ORGANIZATION, storyOf } from '../../projectors/testing/kit.js';
import type { Client, ErrorBody, ExecutionBody } from '../../testing/client.js';
import { eventually } from '../../testing/eventually.js';
import { openQueryServer, type QueryServer } from '../testing/kit.js';

const OTHER: OrganizationId = 'org_99999999-9999-4999-8999-999999999999';

interface List {
  readonly data: readonly ExecutionBody[];
  readonly next_cursor: string | null;
}

describe('query API: executions', () => {
  let server: QueryServer;
  let api: Client;
  let stranger: Client;
  before(async () => {
    server = await openQueryServer();
    api = await server.tenant(ORGANIZATION);
    stranger = await server.tenant(OTHER);
  });
  after(() => server?.close());

  const body = (id: string) => ({
    id,
    model: 'text-generation-standard',
    estimated_cost: '0.008',
    hold_amount: '0.010',
    created_at: at(0),
    expires_at: at(300),
    cost: null,
    latency_ms: null,
    started_at: null,
    completed_at: null,
    metadata: {},
  });

  describe('while no projection runs', () => {
    it('finds what was just accepted, and every later status at once', async () => {
      const story = storyOf();
      const { executionId: id } = story;
      const read = async () => (await api.execution(id)).body;
      await server.models.append(story.requested(0));
      expect(await read()).to.deep.equal({ ...body(id), status: 'PENDING', queued_ahead: 0 });
      await server.models.append(story.dispatched(1));
      expect(await read()).to.deep.equal({
        ...body(id),
        status: 'PROCESSING',
        started_at: at(1),
      });
      await server.models.append(story.cancelled(2));
      expect(await read()).to.deep.equal({
        ...body(id),
        status: 'CANCELLED',
        started_at: at(1),
        completed_at: at(2),
      });
    });

    it('goes on from an older row', async () => {
      const story = storyOf();
      await server.models.append(story.requested(0), story.dispatched(1));
      server.startProjecting();
      await api.all('/executions');
      await server.stopProjecting();
      await server.models.append(story.completed(3));
      expect((await api.execution(story.executionId)).body).to.deep.equal({
        ...body(story.executionId),
        status: 'COMPLETED',
        started_at: at(1),
        completed_at: at(3),
        cost: '0.004',
        latency_ms: 3_000,
        result: { text: 'Rivers meander.' },
      });
    });

    it('answers lists with what is there after a bounded wait', async () => {
      const story = storyOf();
      await server.models.append(story.requested(0));
      const startedMs = performance.now();
      const { status, body: list } = await api.call<List>('GET', '/executions');
      expect(status).to.equal(200);
      expect(performance.now() - startedMs).to.be.within(900, 8_000);
      expect(list.data.map(({ id }) => id)).not.to.include(story.executionId);
    });
  });

  it('answers many at once, each with its own', async () => {
    const stories = Array.from({ length: 300 }, () => storyOf());
    for (const story of stories) await server.models.append(story.requested(0));
    const answers = await Promise.all(
      stories.map(async ({ executionId }) => (await api.execution(executionId)).body.id),
    );
    expect(answers).to.deep.equal(stories.map(({ executionId }) => executionId));
  });

  it("answers another tenant's id as one that does not exist, byte for byte", async () => {
    const story = storyOf();
    await server.models.append(story.requested(0), story.dispatched(1), story.completed(2));
    const made = `exec_${derivedUuid('nobody has it')}`;
    for (const rest of ['', '/result', '/events'])
      for (const id of [story.executionId, made, 'exec_1', '%01', 'exec_../x']) {
        const headers = { 'x-request-id': 'same' };
        const seen = await stranger.call('GET', `/executions/${id}${rest}`, { headers });
        const never = await stranger.call('GET', `/executions/${made}${rest}`, { headers });
        expect([id, seen.status, seen.text]).to.deep.equal([id, 404, never.text]);
        const { date: _, ...head } = seen.headers;
        const { date: __, ...headOfNever } = never.headers;
        expect(head).to.deep.equal(headOfNever);
      }
  });

  it('gives the result byte for byte, and says so when there is none yet', async () => {
    const story = storyOf();
    const { executionId: id } = story;
    const output = await server.keepOutput('{"text":"1.0 \\u00e9 é","usage":{"output_tokens":3}}');
    await server.models.append(story.requested(0));
    const early = await api.call<ErrorBody>('GET', `/executions/${id}/result`);
    expect([early.status, early.body.error.code]).to.deep.equal([409, 'CONFLICT']);
    expect(early.body.error.details).to.deep.equal([
      { field: 'status', code: 'PENDING', message: 'The execution is PENDING.' },
    ]);
    const done = story.completed(3);
    await server.models.append({ ...done, data: { ...done.data, output } } as typeof done);
    const { status, text } = await api.result(id);
    expect([status, text]).to.deep.equal([
      200,
      `{"execution_id":"${id}","status":"COMPLETED",` +
        '"output":{"text":"1.0 \\u00e9 é","usage":{"output_tokens":3}},' +
        '"cost":"0.004","latency_ms":3000}',
    ]);
  });

  it('tells the timeline without a provider, in pages', async () => {
    const story = storyOf();
    await server.models.append(story.requested(0), story.dispatched(1), story.failedOnce(2));
    await server.models.append(story.dispatched(3, 2), story.completed(4));
    const path = `/executions/${story.executionId}/events`;
    const { body: all } = await api.call('GET', path);
    expect(all).to.deep.equal({
      data: [
        { sequence: 1, type: 'execution.accepted', status: 'PENDING', at: at(0) },
        { sequence: 2, type: 'execution.started', status: 'PROCESSING', at: at(1) },
        { sequence: 3, type: 'execution.completed', status: 'COMPLETED', at: at(4) },
      ],
      next_cursor: null,
    });
    const { body: first } = await api.call<List>('GET', `${path}?limit=2`);
    const { body: rest } = await api.call<List>('GET', `${path}?cursor=${first.next_cursor}`);
    expect([...first.data, ...rest.data]).to.deep.equal(all['data']);
  });

  describe('in lists', () => {
    const organization: OrganizationId = 'org_88888888-8888-4888-8888-888888888888';
    const stories = Array.from({ length: 12 }, (_, n) =>
      storyOf(organization, derivedUuid(`listed ${n}`), { n: `${n % 3}`, 'odd "key\\': 'ü' }),
    );
    let lister: Client;
    before(async () => {
      lister = await server.tenant(organization);
      server.startProjecting();
      for (const [n, story] of stories.entries()) {
        await server.models.append(story.requested(n, n % 2 ? 'flux-1.1-pro' : 'text-standard'));
        if (n % 4 === 1) await server.models.append(story.failed(n + 1));
        if (n % 4 === 2) await server.models.append(story.completed(n + 1));
        if (n % 4 === 3) await server.models.append(story.dispatched(n + 1));
      }
    });
    after(() => server.stopProjecting());

    const listed = async (query: string) => {
      const { status, body: list, text } = await lister.call<List>('GET', `/executions?${query}`);
      expect([status, query], text).to.deep.equal([200, query]);
      return list.data.map(({ id }) => stories.findIndex((one) => one.executionId === id));
    };
    const pairs = (name: string, value: string) =>
      `${encodeURIComponent(`metadata[${name}]`)}=${encodeURIComponent(value)}`;

    it('shows the newest first, what was just done among them', async () => {
      expect(await listed('')).to.deep.equal([11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
      const late = storyOf(organization);
      await server.models.append(late.requested(50));
      const { body: list } = await lister.call<List>('GET', '/executions?limit=1');
      expect(list.data.map(({ id }) => id)).to.deep.equal([late.executionId]);
      await server.models.append(late.cancelled(51));
      const { body: again } = await lister.call<List>('GET', '/executions?limit=1');
      expect(again.data.map(({ status }) => status)).to.deep.equal(['CANCELLED']);
      const range = `created_from=${at(50)}`;
      const { body: gone } = await lister.call<List>('GET', `/executions?status=PENDING&${range}`);
      expect(gone.data).to.deep.equal([]);
    });

    it('filters by status, model, time and metadata, alone and together', async () => {
      const till = `created_to=${at(12)}`;
      expect(await listed(`status=FAILED&${till}`)).to.deep.equal([9, 5, 1]);
      expect(await listed(`status=COMPLETED&${till}`)).to.deep.equal([10, 6, 2]);
      expect(await listed(`status=PENDING&${till}`)).to.deep.equal([8, 4, 0]);
      expect(await listed(`status=PROCESSING&${till}`)).to.deep.equal([11, 7, 3]);
      expect(await listed(`model=flux-1.1-pro&${till}`)).to.deep.equal([11, 9, 7, 5, 3, 1]);
      expect(await listed(`${pairs('n', '1')}&${till}`)).to.deep.equal([10, 7, 4, 1]);
      expect(await listed(`${pairs('odd "key\\', 'ü')}&${pairs('n', '0')}`)).to.deep.equal([
        9, 6, 3, 0,
      ]);
      expect(await listed(pairs('n', '3'))).to.deep.equal([]);
      expect(await listed(`created_from=${at(3)}&created_to=${at(6)}`)).to.deep.equal([5, 4, 3]);
      expect(
        await listed(`status=FAILED&model=flux-1.1-pro&${pairs('n', '0')}&created_from=2026-01-31`),
      ).to.deep.equal([9]);
    });

    it('filters by several statuses, by key, and in the other order', async () => {
      const till = `created_to=${at(12)}`;
      expect(await listed(`status=FAILED,PENDING&${till}`)).to.deep.equal([9, 8, 5, 4, 1, 0]);
      expect(await listed(`status=COMPLETED,FAILED&${till}`)).to.deep.equal([10, 9, 6, 5, 2, 1]);
      expect(await listed(`status=FAILED,FAILED&${till}`)).to.deep.equal([9, 5, 1]);
      const all = 'PENDING,PROCESSING,AWAITING_WEBHOOK,COMPLETED,FAILED,CANCELLED,EXPIRED';
      expect(await listed(`status=${all}&${till}`)).to.have.length(12);
      expect(await listed(`order=asc&status=FAILED,PENDING&${till}`)).to.deep.equal([
        0, 1, 4, 5, 8, 9,
      ]);
      const key = 'api_key_id=key_22222222-2222-4222-8222-222222222222';
      expect(await listed(`${key}&model=flux-1.1-pro&${till}`)).to.deep.equal([11, 9, 7, 5, 3, 1]);
      expect(await listed(`${key}&status=FAILED&${till}&order=asc`)).to.deep.equal([1, 5, 9]);
      expect(await listed(`${key}&${pairs('n', '1')}&status=FAILED&${till}`)).to.deep.equal([1]);
      expect(await listed('api_key_id=key_33333333-3333-4333-8333-333333333333')).to.deep.equal([]);
      expect(await listed('batch_id=batch_33333333-3333-4333-8333-333333333333')).to.deep.equal([]);
    });

    it('names the next page in a header too', async () => {
      const path = `/executions?limit=2&${pairs('n', '1')}`;
      const page = await lister.call<List>('GET', path);
      const [, next = ''] = /^<\/v1(.+)>; rel="next"$/.exec(String(page.headers['link'])) ?? [];
      const { body: second, headers } = await lister.call<List>('GET', next);
      expect(second.data.map(({ id }) => id)).to.deep.equal(
        (await lister.call<List>('GET', `/executions?${pairs('n', '1')}`)).body.data
          .slice(2, 4)
          .map(({ id }) => id),
      );
      expect(second.next_cursor === null).to.equal(headers['link'] === undefined);
    });

    it('filters by many pairs of metadata, however rare each is', async () => {
      const many = Object.fromEntries(Array.from({ length: 15 }, (_, n) => [`key ${n}`, 'x']));
      const labelled = storyOf(organization, derivedUuid('labelled'), { n: '0', ...many });
      await server.models.append(labelled.requested(60));
      const found = async (filter: Record<string, string>, more = '') => {
        const query = Object.entries(filter).map(([name, value]) => pairs(name, value));
        const { body: list } = await lister.call<List>(
          'GET',
          `/executions?${query.join('&')}${more}`,
        );
        return list.data.map(({ id }) => id);
      };
      expect(await found({ n: '0', ...many })).to.deep.equal([labelled.executionId]);
      expect(await found(many, '&status=PENDING')).to.deep.equal([labelled.executionId]);
      expect(await found({ n: '1', ...many })).to.deep.equal([]);
      expect(await found({ ...many, 'key 14': 'y' })).to.deep.equal([]);
      expect(await found(many, '&status=FAILED')).to.deep.equal([]);
    });

    it('pages through all of them, whatever the filter', async () => {
      for (const filter of [`created_to=${at(12)}`, 'status=FAILED', pairs('n', '1')]) {
        const whole = await listed(filter);
        const paged: number[] = [];
        let cursor: string | null = '';
        while (cursor !== null) {
          const from: string = cursor && `&cursor=${cursor}`;
          const path = `/executions?limit=2&${filter}${from}`;
          const { body: list } = await lister.call<List>('GET', path);
          const ids = list.data.map(({ id }) => stories.findIndex((one) => one.executionId === id));
          paged.push(...ids);
          cursor = list.next_cursor;
        }
        expect(paged).to.deep.equal(whole);
      }
    });

    it('says how many wait before one that waits, and of no other', async () => {
      const owner: OrganizationId = 'org_33333333-3333-4333-8333-333333333333';
      const client = await server.tenant(owner);
      const waiting = Array.from({ length: 5 }, () => storyOf(owner));
      const others = [storyOf(owner), storyOf(OTHER)];
      for (const [n, one] of waiting.entries()) await server.models.append(one.requested(n));
      await server.models.append(others[0]!.requested(0, 'flux-1.1-pro'), others[1]!.requested(0));
      await client.all('/executions');
      const ahead = async () => {
        const answers = [];
        for (const { executionId } of waiting) answers.push(await client.execution(executionId));
        return answers.map(({ body: { status, queued_ahead } }) =>
          status === 'PENDING' ? queued_ahead : status,
        );
      };
      expect(await ahead()).to.deep.equal([0, 1, 2, 3, 4]);
      const [first, second] = waiting;
      await server.models.append(first!.dispatched(6), second!.cancelled(7));
      await client.all('/executions');
      const left = JSON.stringify(['PROCESSING', 'CANCELLED', 0, 1, 2]);
      await eventually(left, async () => JSON.stringify(await ahead()) === left);
      await server.models.append(first!.failedOnce(8));
      expect((await client.execution(first!.executionId)).body.queued_ahead).to.equal(0);
    });

    it('takes no cursor but its own', async () => {
      const { next_cursor } = (await lister.call<List>('GET', '/executions?limit=1')).body;
      const status = async (client: Client, path: string) =>
        (await client.call('GET', `${path}?limit=1&cursor=${next_cursor}`)).status;
      expect(await status(lister, '/executions')).to.equal(200);
      expect(await status(stranger, '/executions')).to.equal(400);
      for (const path of ['/billing/ledger', '/billing/holds', '/models'])
        expect(await status(lister, path)).to.equal(400);
    });

    it('refuses what it cannot mean', async () => {
      const refusal = async (query: string) => {
        const { status, body: refused } = await lister.call<ErrorBody>(
          'GET',
          `/executions?${query}`,
        );
        const details = status === 200 ? [] : (refused.error.details ?? []);
        return [status, ...details.map(({ field }) => field)];
      };
      expect(await refusal('status=DONE')).to.deep.equal([400, 'status']);
      expect(await refusal('limit=1001')).to.deep.equal([400, 'limit']);
      expect(await refusal('limit=0')).to.deep.equal([400, 'limit']);
      expect(await refusal('cursor=x')).to.deep.equal([400, 'cursor']);
      expect(await refusal(`cursor=${'A'.repeat(123)}`)).to.deep.equal([400, 'cursor']);
      expect(await refusal('created_from=yesterday')).to.deep.equal([400, 'created_from']);
      expect(await refusal('created_from=2026-02-31')).to.deep.equal([400, 'created_from']);
      expect(await refusal('created_to=2026-13-45')).to.deep.equal([400, 'created_to']);
      expect(await refusal('surprise=1')).to.deep.equal([400, 'surprise']);
      const keys = (count: number) =>
        Array.from({ length: count }, (_, n) => `metadata%5Bkey${n}%5D=x`).join('&');
      expect(await refusal(keys(16))).to.deep.equal([200]);
      expect(await refusal(keys(17))).to.deep.equal([400, 'metadata']);
    });
  });
});
