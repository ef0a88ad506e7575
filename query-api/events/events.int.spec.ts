/** The feed over HTTP: pages, waiting, streams, and what a reader can make of it. */
import { setMaxListeners } from 'node:events';
import { expect } from 'chai';
import { request } from 'undici';
import { storyOf, at, deposited } from '../../projectors/testing/kit.js';
import type { OrganizationId } from '../../contracts/ids.js';
import type { Balance, Client, ErrorBody, ExecutionBody } from '../../testing/client.js';
import { eventually } from '../../testing/eventually.js';
import { feedOn, nothingFed, type FedEvent } from '../../testing/feed-view.js';
import { openQueryServer, type QueryServer } from '../testing/kit.js';
import { FEED_WATCHES_MAX } from './watched-feeds.js';

const BATCH = 'application/cloudevents-batch+json';

describe('query API: events', () => {
  let server: QueryServer;
  before(async () => {
    server = await openQueryServer();
    server.startProjecting();
  });
  after(() => server?.close());

  let organizations = 0;
  /** Its feed begins with the creation of its key. */
  const newTenant = async () => {
    organizations += 1;
    const uuid = `33333333-3333-4333-8333-${String(organizations).padStart(12, '0')}`;
    const organizationId: OrganizationId = `org_${uuid}`;
    return { organizationId, api: await server.tenant(organizationId) };
  };
  const append = (...facts: Parameters<QueryServer['models']['append']>) =>
    server.models.append(...facts);
  const read = (api: Client, query = '', accept = BATCH) =>
    api.call<readonly FedEvent[]>('GET', `/events${query}`, { headers: { accept } });
  const numbers = (events: readonly FedEvent[]) =>
    events.map(({ sequence, type }) => `${Number(sequence)} ${type}`);

  it('answers CloudEvents in a batch, numbered, in bounded pages that lead on', async () => {
    const { organizationId, api } = await newTenant();
    const [ours, theirs] = [storyOf(organizationId), storyOf()];
    await append(deposited(0, organizationId), ours.held(1), theirs.held(1), ours.requested(2));
    const first = await read(api, '?limit=3');
    expect(first.status).to.equal(200);
    expect(first.headers).to.include({
      'content-type': `${BATCH}; charset=utf-8`,
      'feed-sequence': '3',
      link: '</v1/events?limit=3&after=3>; rel="next"',
    });
    expect(numbers(first.body)).to.deep.equal([
      '1 api_key.created',
      '2 balance.topped_up',
      '3 hold.placed',
    ]);
    const events = await server.models.events();
    const held = events.find(({ type }) => type === 'HoldPlaced');
    expect(first.body[2]).to.deep.equal({
      specversion: '1.0',
      id: `evt_${held?.id}`,
      source: `urn:modelroute:${organizationId}`,
      type: 'hold.placed',
      subject: ours.executionId,
      time: at(1),
      datacontenttype: 'application/json',
      sequence: '0000000000000003',
      data: {
        hold_id: ours.holdId,
        execution_id: ours.executionId,
        api_key_id: null,
        amount: '0.010',
        balance: { available: '0.990', held: '0.010', total: '1.000' },
      },
    });
    const second = await read(api, '?limit=3&after=3');
    expect(numbers(second.body)).to.deep.equal(['4 execution.accepted']);
    expect(second.headers).to.not.have.property('link');
    const single = await read(api, '?after=0000000000000003', 'application/cloudevents+json');
    expect(single.body).to.deep.equal(second.body[0]);
    const none = await read(api, '?after=4', 'application/cloudevents+json');
    expect([none.status, none.text, none.headers['feed-sequence']]).to.deep.equal([204, '', '4']);
    const beyond = await read(api, '?after=9007199254740993');
    expect([beyond.body, beyond.headers['feed-sequence']]).to.deep.equal([[], '9007199254740993']);
  });

  it('answers a list to those who ask for no form of CloudEvents', async () => {
    const { organizationId, api } = await newTenant();
    await append(deposited(0, organizationId));
    interface List {
      readonly data: readonly FedEvent[];
      readonly next_cursor: string | null;
    }
    for (const accept of ['*/*', 'application/json', 'application/*', 'text/html']) {
      const headers = { accept };
      const first = await api.call<List>('GET', '/events?limit=1', { headers });
      expect(first.headers).to.include({
        'content-type': 'application/json; charset=utf-8',
        'feed-sequence': '1',
        link: '</v1/events?limit=1&after=1>; rel="next"',
      });
      expect(Object.keys(first.body)).to.deep.equal(['data', 'next_cursor']);
      expect(numbers(first.body.data)).to.deep.equal(['1 api_key.created']);
      expect(first.body.next_cursor).to.equal('1');
      const last = await api.call<List>('GET', '/events?limit=1&after=1', { headers });
      expect(numbers(last.body.data)).to.deep.equal(['2 balance.topped_up']);
      expect(last.body.next_cursor).to.equal(null);
      const paged = await api.call<List>('GET', '/events?limit=1&after=0&cursor=1', { headers });
      expect(paged.body).to.deep.equal(last.body);
      const none = await api.call<List>('GET', '/events?after=2', { headers });
      expect(none.body).to.deep.equal({ data: [], next_cursor: null });
      expect(none.headers['feed-sequence']).to.equal('2');
    }
  });

  it('keeps the numbers of what a filter leaves', async () => {
    const { organizationId, api } = await newTenant();
    const story = storyOf(organizationId);
    await append(deposited(0, organizationId), story.held(1), story.requested(2));
    await append(story.dispatched(3), story.completed(4), story.settled(5));
    const filtered = await read(api, '?types=execution.completed,hold.placed');
    expect(numbers(filtered.body)).to.deep.equal(['3 hold.placed', '6 execution.completed']);
    const behind = await read(api, '?types=execution.completed&after=6');
    expect([behind.body, behind.headers['feed-sequence']]).to.deep.equal([[], '7']);
    expect(behind.headers).to.not.have.property('link');
  });

  it('refuses what it does not know, and keys that may not read it', async () => {
    const { organizationId, api } = await newTenant();
    for (const [query, field] of [
      ['types=execution.done', 'types'],
      ['types=', 'types'],
      ['types=constructor', 'types'],
      ['after=-1', 'after'],
      ['after=x', 'after'],
      ['cursor=x', 'cursor'],
      ['after=12345678901234567', 'after'],
      ['limit=1001', 'limit'],
      ['wait=61', 'wait'],
      ['more=1', 'more'],
    ]) {
      const { status, body } = await api.call<ErrorBody>('GET', `/events?${query}`);
      expect([query, status, body.error.details?.[0]?.field]).to.deep.equal([query, 400, field]);
    }
    for (const [permission, status] of [
      ['AUDITOR', 200],
      ['DEVELOPER', 403],
      ['EXECUTION_ONLY', 403],
      ['BILLING', 403],
    ] as const) {
      const other = await server.tenant(organizationId, permission);
      expect([permission, (await read(other)).status]).to.deep.equal([permission, status]);
    }
  });

  it('waits for an event, of the types that are asked for, or until the time is over', async () => {
    const { organizationId, api } = await newTenant();
    const startedMs = performance.now();
    const empty = await read(api, '?after=1&wait=1');
    expect(empty.body).to.deep.equal([]);
    expect(performance.now() - startedMs).to.be.within(950, 9_000);
    const waiting = read(api, '?after=1&wait=60&types=execution.completed');
    const story = storyOf(organizationId);
    await append(deposited(0, organizationId), story.held(1), story.requested(2));
    await append(story.dispatched(3), story.completed(4));
    expect(numbers((await waiting).body)).to.deep.equal(['6 execution.completed']);
    expect(performance.now() - startedMs).to.be.below(20_000);
  });

  it('waits while its projection is stopped, then goes on', async () => {
    const { organizationId, api } = await newTenant();
    expect((await read(api)).headers['feed-sequence']).to.equal('1');
    const { pool } = server.models;
    await pool.query(
      "UPDATE readmodel.projections SET stopped_at = now(), error = 'spec' WHERE name = 'feed'",
    );
    try {
      await append(deposited(0, organizationId));
      const startedMs = performance.now();
      const empty = await read(api, '?after=1&wait=1');
      expect([empty.status, empty.body]).to.deep.equal([200, []]);
      expect(empty.headers['feed-sequence']).to.equal('1');
      expect(performance.now() - startedMs).to.be.within(950, 9_000);
      const waiting = read(api, '?after=1&wait=60');
      await pool.query(
        "UPDATE readmodel.projections SET stopped_at = NULL, error = NULL WHERE name = 'feed'",
      );
      expect(numbers((await waiting).body)).to.deep.equal(['2 balance.topped_up']);
      expect(performance.now() - startedMs).to.be.below(15_000);
    } finally {
      await pool.query("UPDATE readmodel.projections SET stopped_at = NULL WHERE name = 'feed'");
    }
  });

  it('lets so many of a key wait, and refuses the others', async () => {
    const { api } = await newTenant();
    const hangUp = new AbortController();
    setMaxListeners(0, hangUp.signal);
    const headers = { authorization: `Bearer ${api.apiKey}` };
    const url = `${server.baseUrl}/v1/events?after=1&wait=60`;
    let refused = 0;
    const held = Array.from({ length: FEED_WATCHES_MAX + 5 }, async () => {
      const answer = await request(url, { headers, signal: hangUp.signal });
      refused += answer.statusCode === 429 ? 1 : 0;
      await answer.body.dump();
    });
    await eventually('the places are taken', () => refused === 5);
    const { status, body } = await api.call<ErrorBody>('GET', '/events?after=1&wait=1');
    expect(status).to.equal(429);
    expect(body.error.details?.[0]?.code).to.equal('open_streams');
    expect((await read(api)).status).to.equal(200);
    hangUp.abort();
    await Promise.allSettled(held);
    await eventually(
      'a caller that hangs up gives its place back',
      async () => (await read(api, '?after=1&wait=1')).status === 200,
    );
  });

  it('bounds a page by its bytes', async () => {
    const { organizationId, api } = await newTenant();
    const metadata = Object.fromEntries(
      Array.from({ length: 16 }, (_, n) => [`${n}`, 'x'.repeat(8_000)]),
    );
    const stories = Array.from({ length: 60 }, () => storyOf(organizationId, undefined, metadata));
    await append(...stories.map((story) => story.requested(1)));
    const seen: FedEvent[] = [];
    for (let pages = 0; seen.length < 61; pages += 1) {
      const page = await read(api, `?limit=1000&after=${seen.length}`);
      expect(page.text.length).to.be.below(5_000_000);
      expect(pages).to.be.below(5);
      seen.push(...page.body);
    }
    feedOn(nothingFed(), seen);
  });

  describe('text/event-stream', () => {
    /** Until the events are there, or the answer is over. */
    async function streamed(api: Client, count: number, query = '', lastEventId = '') {
      const hangUp = new AbortController();
      const { body } = await request(`${server.baseUrl}/v1/events${query}`, {
        headers: {
          authorization: `Bearer ${api.apiKey}`,
          accept: 'text/event-stream',
          'last-event-id': lastEventId,
        },
        signal: hangUp.signal,
      });
      let text = '';
      try {
        for await (const bytes of body) {
          text += String(bytes);
          if (text.split('\ndata: ').length > count) break;
        }
      } finally {
        hangUp.abort();
      }
      return [...text.matchAll(/^id: (\d+)\nevent: (.+)\ndata: (.+)\n\n/gm)].map(
        ([, id, type, data = '']) => ({ id, type, event: JSON.parse(data) as FedEvent }),
      );
    }

    it('shows what happened, then what happens, and goes on where its reader was', async () => {
      const { organizationId, api } = await newTenant();
      await append(deposited(0, organizationId));
      const streaming = streamed(api, 3);
      const story = storyOf(organizationId);
      await append(story.held(1));
      const events = await streaming;
      expect(events.map(({ id, type }) => `${id} ${type}`)).to.deep.equal([
        '1 api_key.created',
        '2 balance.topped_up',
        '3 hold.placed',
      ]);
      expect(events[1]?.event.data).to.deep.include({ amount: '1.000' });
      const [resumed] = await streamed(api, 1, '?types=hold.placed', '2');
      expect(resumed?.id).to.equal('3');
      const bad = await api.call<ErrorBody>('GET', '/events?wait=3', {
        headers: { accept: 'text/event-stream' },
      });
      expect([bad.status, bad.body.error.details?.[0]?.field]).to.deep.equal([400, 'wait']);
    });
  });

  it('has enough to know balances and statuses, read in pieces of any size', async () => {
    const { organizationId, api } = await newTenant();
    const stories = Array.from({ length: 4 }, () => storyOf(organizationId));
    await append(deposited(0, organizationId));
    for (const story of stories) await append(story.held(1), story.requested(1));
    const [done, failed, again, cancelled] = stories;
    if (!done || !failed || !again || !cancelled) throw new Error('too few stories');
    await append(done.dispatched(2), done.accepted(3), done.completed(4), done.settled(4));
    await append(failed.dispatched(2), failed.failed(3), failed.released(4));
    await append(again.dispatched(2), again.failedOnce(3), again.dispatched(4, 2));
    await append(cancelled.cancelled(2));
    const view = nothingFed();
    for (let piece = 1; ; piece = (piece % 5) + 1) {
      const { body } = await read(api, `?limit=${piece}&after=${view.sequence}`);
      if (body.length === 0) break;
      feedOn(view, body);
    }
    const balance = await api.call<Balance>('GET', '/billing/balance');
    expect(view.balance).to.deep.equal(balance.body);
    for (const { executionId } of stories) {
      const shown = (await api.execution(executionId)).body;
      const fed = view.executions.get(executionId) as unknown as ExecutionBody;
      const fields = [
        'status',
        'cost',
        'started_at',
        'completed_at',
        'error',
        'latency_ms',
      ] as const;
      for (const field of fields) expect(fed[field], field).to.deep.equal(shown[field]);
    }
  });
});
