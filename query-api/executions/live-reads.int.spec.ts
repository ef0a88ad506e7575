/** Reads that wait: a status until it is over, a timeline as it happens, what has not changed. */
import { setMaxListeners } from 'node:events';
import { expect } from 'chai';
import { request } from 'undici';
import { at, ORGANIZATION, storyOf } from '../../projectors/testing/kit.js';
import type { Client, ErrorBody, ExecutionBody } from '../../testing/client.js';
import { eventually } from '../../testing/eventually.js';
import { openQueryServer, type QueryServer } from '../testing/kit.js';

/** For two hundred connections, on a busy machine. */
const MANY_MS = 30_000;

describe('query API: live reads', () => {
  let server: QueryServer;
  let api: Client;
  before(async () => {
    server = await openQueryServer();
    api = await server.tenant(ORGANIZATION);
  });
  after(() => server?.close());

  const started = async () => {
    const story = storyOf();
    await server.models.append(story.requested(0), story.dispatched(1));
    return story;
  };
  const waiting = (id: string, prefer: string, more: Record<string, string> = {}) =>
    api.call<ExecutionBody>('GET', `/executions/${id}`, { headers: { prefer, ...more } });

  describe('Prefer: wait', () => {
    it('answers as soon as the execution is over', async () => {
      const story = await started();
      const startedMs = performance.now();
      const answer = waiting(story.executionId, 'respond-async, wait=60');
      await server.models.append(story.completed(3));
      const { status, body, headers } = await answer;
      expect([status, body.status]).to.deep.equal([200, 'COMPLETED']);
      expect(headers['preference-applied']).to.equal('wait=60');
      expect(performance.now() - startedMs).to.be.below(10_000);
    });

    it('answers after the seconds as it is then, and at once what is over', async () => {
      const story = await started();
      const startedMs = performance.now();
      const { body, headers } = await waiting(story.executionId, 'wait="1"');
      expect([body.status, headers['preference-applied']]).to.deep.equal(['PROCESSING', 'wait=1']);
      expect(performance.now() - startedMs).to.be.within(950, 9_000);
      await server.models.append(story.completed(3));
      const over = await waiting(story.executionId, 'wait=999');
      expect([over.body.status, over.headers['preference-applied']]).to.deep.equal([
        'COMPLETED',
        'wait=60',
      ]);
    });

    it('ignores what it does not understand', async () => {
      const story = await started();
      for (const prefer of ['wait', 'wait=-1', 'wait=x', 'wait=1.5', 'wait=', 'handling=lenient']) {
        const { status, headers } = await waiting(story.executionId, prefer);
        expect([prefer, status, headers['preference-applied']]).to.deep.equal([
          prefer,
          200,
          undefined,
        ]);
      }
    });

    it('lets so many of an organization wait, and answers the others at once', async () => {
      const story = await started();
      const hangUp = new AbortController();
      setMaxListeners(0, hangUp.signal);
      let answered = 0;
      const held = Array.from({ length: 210 }, async () => {
        const url = `${server.baseUrl}/v1/executions/${story.executionId}`;
        const headers = { authorization: `Bearer ${api.apiKey}`, prefer: 'wait=60' };
        const answer = await request(url, { headers, signal: hangUp.signal });
        answered += answer.headers['preference-applied'] === undefined ? 1 : 0;
        await answer.body.dump();
      });
      await eventually('the places are taken', () => answered === 10, MANY_MS);
      const stream = await api.call<ErrorBody>('GET', `/executions/${story.executionId}/events`, {
        headers: { accept: 'text/event-stream' },
      });
      expect([stream.status, stream.body.error.details?.[0]?.code]).to.deep.equal([
        429,
        'open_streams',
      ]);
      hangUp.abort();
      await Promise.allSettled(held);
      await eventually(
        'a caller that hangs up gives its place back',
        async () => {
          const { headers } = await waiting(story.executionId, 'wait=1');
          return headers['preference-applied'] === 'wait=1';
        },
        MANY_MS,
      );
    });
  });

  describe('ETag', () => {
    const read = (id: string, etag: string) =>
      api.call('GET', `/executions/${id}`, { headers: { 'if-none-match': etag } });

    it('changes with the execution and with its place in the queue', async () => {
      const story = storyOf();
      const { executionId: id } = story;
      await server.models.append(story.requested(0));
      const pending = String((await api.execution(id)).headers['etag']);
      expect(pending).to.match(/^W\/"0-\d+"$/);
      await server.models.append(story.dispatched(1));
      expect((await read(id, pending)).status).to.equal(200);
      const processing = String((await api.execution(id)).headers['etag']);
      for (const known of [processing, `"other", ${processing}`, processing.slice(2), '*']) {
        const answer = await read(id, known);
        expect([answer.status, answer.text, answer.headers['etag']]).to.deep.equal([
          304,
          '',
          processing,
        ]);
      }
      await server.models.append(story.completed(3));
      const completed = await read(id, processing);
      expect(completed.status).to.equal(200);
      expect(completed.headers['etag']).to.equal('W/"2"');
    });

    it('is compared when the wait is over', async () => {
      const story = await started();
      const etag = String((await api.execution(story.executionId)).headers['etag']);
      const same = await waiting(story.executionId, 'wait=1', { 'if-none-match': etag });
      expect([same.status, same.headers['preference-applied']]).to.deep.equal([304, 'wait=1']);
      const changed = waiting(story.executionId, 'wait=30', { 'if-none-match': etag });
      await server.models.append(story.cancelled(2));
      expect((await changed).body.status).to.equal('CANCELLED');
    });
  });

  describe('text/event-stream', () => {
    const open = (id: string, headers: Record<string, string> = {}, apiKey = api.apiKey) =>
      request(`${server.baseUrl}/v1/executions/${id}/events`, {
        headers: { authorization: `Bearer ${apiKey}`, accept: 'text/event-stream', ...headers },
      });
    const entry = (sequence: number, name: string, status: string, second: number) => {
      const type = `execution.${name}`;
      const data = JSON.stringify({ sequence, type, status, at: at(second) });
      return `id: ${sequence}\nevent: ${type}\ndata: ${data}\n\n`;
    };
    const end = 'event: end\ndata: {"status":"COMPLETED"}\n\n';

    it('shows what happened, then what happens, then that it is over', async () => {
      const story = storyOf();
      await server.models.append(story.requested(0));
      const answer = await open(story.executionId);
      expect(answer.statusCode).to.equal(200);
      expect(answer.headers).to.include({
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store, no-transform',
        'x-accel-buffering': 'no',
      });
      const text = answer.body.text();
      await server.models.append(story.dispatched(1), story.failedOnce(2), story.dispatched(3, 2));
      await server.models.append(story.completed(4));
      expect(await text).to.equal(
        'retry: 2000\n\n' +
          entry(1, 'accepted', 'PENDING', 0) +
          entry(2, 'started', 'PROCESSING', 1) +
          entry(3, 'completed', 'COMPLETED', 4) +
          end,
      );
      const resumed = await open(story.executionId, { 'last-event-id': '2' });
      expect(await resumed.body.text()).to.equal(
        `retry: 2000\n\n${entry(3, 'completed', 'COMPLETED', 4)}${end}`,
      );
      const done = await open(story.executionId, { 'last-event-id': '3' });
      expect([done.statusCode, await done.body.text()]).to.deep.equal([204, '']);
    });

    it('is one answer of two: JSON unless it is asked for', async () => {
      const story = await started();
      const path = `/executions/${story.executionId}/events`;
      for (const accept of ['*/*', 'application/json', 'application/json, text/event-stream;q=0.5'])
        expect((await api.call('GET', path, { headers: { accept } })).headers).to.include({
          'content-type': 'application/json; charset=utf-8',
        });
      const head = await api.call('HEAD', path, { headers: { accept: 'text/event-stream' } });
      expect([head.status, head.headers['content-type']]).to.deep.equal([
        200,
        'text/event-stream; charset=utf-8',
      ]);
    });

    it('refuses what it cannot resume, and another tenant like nobody', async () => {
      const story = await started();
      for (const bad of ['x', '-1', '1.5', '9999999999']) {
        const { statusCode, body } = await open(story.executionId, { 'last-event-id': bad });
        const { error } = (await body.json()) as ErrorBody;
        expect([statusCode, error.details?.[0]?.field]).to.deep.equal([400, 'last-event-id']);
      }
      const stranger = await server.tenant('org_99999999-9999-4999-8999-999999999999');
      const { statusCode, body } = await open(story.executionId, {}, stranger.apiKey);
      await body.dump();
      expect(statusCode).to.equal(404);
    });

    it('breaks when its key is revoked', async () => {
      const story = await started();
      const { apiKey } = await server.tenant(ORGANIZATION);
      const answer = await open(story.executionId, {}, apiKey);
      const text = answer.body.text().then(
        () => 'ended',
        () => 'broken',
      );
      await server.revoke(apiKey);
      expect(await text).to.equal('broken');
    });
  });

  it('answers all who wait when the server closes', async () => {
    const other = await openQueryServer();
    const story = storyOf();
    const client = await other.tenant(ORGANIZATION);
    await other.models.append(story.requested(0));
    const path = `/executions/${story.executionId}`;
    const held = client.call<ExecutionBody>('GET', path, { headers: { prefer: 'wait=60' } });
    const live = await request(`${other.baseUrl}/v1${path}/events`, {
      headers: { authorization: `Bearer ${client.apiKey}`, accept: 'text/event-stream' },
    });
    await client.execution(story.executionId);
    const startedMs = performance.now();
    await other.close();
    expect((await held).body.status).to.equal('PENDING');
    expect(await live.body.text()).to.match(/execution\.accepted/);
    expect(performance.now() - startedMs).to.be.below(8_000);
  });
});
