/** Usage: added up by what is asked, for any range, always the sum of the ledger's settlements. */
import { expect } from 'chai';
import type { OrganizationId } from '../../contracts/ids.js';
import { executions } from '../../projectors/executions/executions.js';
import { deposited, ORGANIZATION, storyOf } from '../../projectors/testing/kit.js';
import type { Client, ErrorBody, LedgerEntry } from '../../testing/client.js';
import { openQueryServer, type QueryServer } from '../testing/kit.js';

const OTHER: OrganizationId = 'org_99999999-9999-4999-8999-999999999999';
const KEY = 'key_22222222-2222-4222-8222-222222222222';
const TEXT = 'text-generation-standard';
/** From the story's noon to the next midnight. */
const MIDNIGHT = 43_200;

interface Usage {
  readonly data: readonly Readonly<Record<string, unknown>>[];
  readonly next_cursor: string | null;
  readonly total: { readonly cost: string; readonly count: number };
}

describe('query API: usage', () => {
  let server: QueryServer;
  let api: Client;
  before(async () => {
    server = await openQueryServer();
    api = await server.tenant(ORGANIZATION);
    server.startProjecting();
    const { models } = server;
    const charged: [model: string, settledAt: number, metadata: Record<string, string>][] = [
      [TEXT, 2, { team: 'red', order: '=1+1' }],
      [TEXT, 3, { team: 'red', order: 'b,"c"' }],
      ['flux-1.1-pro', MIDNIGHT - 1, { team: 'blue' }],
      ['flux-1.1-pro', MIDNIGHT, {}],
      [TEXT, MIDNIGHT + 86_400, { team: 'a NUL \0 and \ud800', order: 'C:\\udata' }],
    ];
    await models.append(deposited(0));
    for (const [model, settledAt, metadata] of charged) {
      const story = storyOf(ORGANIZATION, undefined, metadata);
      await models.append(story.held(1), story.requested(1, model), story.dispatched(1));
      await models.append(story.completed(2), story.settled(settledAt));
    }
    const [failed, strange] = [storyOf(), storyOf(OTHER)];
    await models.append(failed.held(4), failed.requested(4), failed.failed(5), failed.released(6));
    await models.append(strange.held(4), strange.requested(4), strange.completed(5));
    await models.append(strange.settled(6));
  });
  after(() => server?.close());

  const usage = async (query: string) =>
    (await api.call<Usage>('GET', `/billing/usage?${query}`)).body;
  const group = (values: Record<string, string | null>, count: number, cost: string) => ({
    ...values,
    cost,
    count,
  });

  it('adds up by each dimension, and by two', async () => {
    expect(await usage('')).to.deep.equal({
      data: [
        group({ day: '2026-01-31' }, 3, '0.012'),
        group({ day: '2026-02-01' }, 1, '0.004'),
        group({ day: '2026-02-02' }, 1, '0.004'),
      ],
      next_cursor: null,
      total: { cost: '0.020', count: 5 },
    });
    expect((await usage('group_by=model')).data).to.deep.equal([
      group({ model: 'flux-1.1-pro' }, 2, '0.008'),
      group({ model: TEXT }, 3, '0.012'),
    ]);
    for (const name of ['api_key', 'key'])
      expect((await usage(`group_by=${name}`)).data).to.deep.equal([
        group({ api_key_id: KEY }, 5, '0.020'),
      ]);
    expect((await usage('group_by=model,day')).data.map((one) => Object.values(one))).to.eql([
      ['flux-1.1-pro', '2026-01-31', '0.004', 1],
      ['flux-1.1-pro', '2026-02-01', '0.004', 1],
      [TEXT, '2026-01-31', '0.008', 2],
      [TEXT, '2026-02-02', '0.004', 1],
    ]);
    expect((await usage('group_by=metadata.team,metadata.order')).data).to.deep.equal([
      group({ 'metadata.team': 'a NUL \0 and \ud800', 'metadata.order': 'C:\\udata' }, 1, '0.004'),
      group({ 'metadata.team': 'blue', 'metadata.order': null }, 1, '0.004'),
      group({ 'metadata.team': 'red', 'metadata.order': '=1+1' }, 1, '0.004'),
      group({ 'metadata.team': 'red', 'metadata.order': 'b,"c"' }, 1, '0.004'),
      group({ 'metadata.team': null, 'metadata.order': null }, 1, '0.004'),
    ]);
    expect((await usage('group_by=day,metadata.none')).data).to.have.length(3);
  });

  it('has the sum of the settlements of the same range, whatever the range', async () => {
    const ends = ['2026-01-31', '2026-01-31T12:00:03Z', '2026-01-31T23:59:59.500Z', '2026-02-01'];
    ends.push('2026-02-01T00:00:00.001Z', '2026-02-02T12:00:00+02:00', '2026-02-03');
    for (const from of ['2025-01-01', ...ends])
      for (const to of [...ends, '2026-03-01'])
        for (const groupBy of ['day', 'metadata.team']) {
          const range = `from=${encodeURIComponent(from)}&to=${encodeURIComponent(to)}`;
          const ledger = `type=SETTLEMENT&created_${range.replace('&', '&created_')}`;
          const entries = await api.all<LedgerEntry>(`/billing/ledger?${ledger}`);
          const { total } = await usage(`${range}&group_by=${groupBy}`);
          expect([range, groupBy, total.count, Number(total.cost)]).to.deep.equal([
            range,
            groupBy,
            entries.length,
            entries.length * 0.004,
          ]);
        }
  });

  it('comes in pages, and as CSV without formulas', async () => {
    const query = 'group_by=metadata.team,metadata.order';
    const whole = await usage(query);
    const paged: unknown[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Usage = await usage(`${query}&limit=2${cursor && `&cursor=${cursor}`}`);
      expect(page.total).to.deep.equal(whole.total);
      paged.push(...page.data);
      cursor = page.next_cursor;
    }
    expect(paged).to.deep.equal(whole.data);
    const { next_cursor: cursor } = await usage('group_by=day&limit=1');
    const foreign = await api.call<ErrorBody>('GET', `/billing/usage?limit=1&cursor=${cursor}`);
    expect(foreign.status).to.equal(200);
    const other = `/billing/usage?group_by=model&cursor=${cursor}`;
    expect((await api.call('GET', other)).status).to.equal(400);
    const csv = await api.call('GET', `/billing/usage?${query}&from=2026-01-31&to=2026-02-01`, {
      headers: { accept: 'text/csv' },
    });
    expect(csv.headers).to.include({
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': 'attachment; filename="usage.csv"',
    });
    expect(csv.text).to.equal(
      'metadata.team,metadata.order,cost,count\r\n' +
        'blue,,0.004,1\r\n' +
        "red,'=1+1,0.004,1\r\n" +
        'red,"b,""c""",0.004,1\r\n',
    );
  });

  it('refuses what it cannot add up', async () => {
    for (const groupBy of [
      '',
      'hour',
      'day,day',
      'day,model,api_key',
      'metadata.',
      'day,',
      'key,api_key',
    ]) {
      const path = `/billing/usage?group_by=${groupBy}`;
      const { status, body } = await api.call<ErrorBody>('GET', path);
      const field = body.error?.details?.[0]?.field;
      expect([groupBy, status, field]).to.deep.equal([groupBy, 400, 'group_by']);
    }
    const stranger = await server.tenant(OTHER);
    expect((await stranger.call<Usage>('GET', '/billing/usage')).body.total.count).to.equal(1);
    const executor = await server.tenant(ORGANIZATION, 'EXECUTION_ONLY');
    expect((await executor.call('GET', '/billing/usage')).status).to.equal(403);
  });

  it('is the same when the projection is built again, in other batches', async () => {
    await server.stopProjecting();
    const live = await server.models.checksum(executions);
    for (const ends of [[1, 2, 3], [9], []]) {
      await server.models.clear();
      await server.models.project(executions, ...ends);
      const { checksum } = await server.models.checksum(executions);
      expect(checksum).to.equal(live.checksum);
    }
  });
});
