/** What a caller of the API meets: submit, poll, repeat, be refused, cancel, expire, fail over. */
import { expect } from 'chai';
import {
  send,
  newTenant,
  type ErrorBody,
  type ExecutionBody,
  type Tenant,
} from '../testing/client.js';
import { eventually } from '../testing/eventually.js';
import {
  accept,
  imageOf,
  ledgerOf,
  micros,
  newKey,
  textOf,
  whenOver,
  whenSettled,
} from './testing/executions.js';
import { behave, behaveWell, callsFor } from '../sandbox/testing/behaviour.js';
import { sharedSystem } from '../testing/system-in-suite.js';

describe('an execution', function () {
  this.timeout(60_000);
  const system = sharedSystem();
  let tenant: Tenant;
  before(async () => {
    tenant = await newTenant(system());
  });
  afterEach(() => behaveWell(system().sandboxUrl));

  const refusalOf = async (body: unknown, key = newKey()) => {
    const headers = { 'idempotency-key': key };
    const answer = await tenant.api.call<ErrorBody>('POST', '/executions', { body, headers });
    const { code, details = [] } = answer.body.error;
    return [answer.status, code, ...details.map(({ field, code: what }) => `${field} ${what}`)];
  };

  it('is accepted, found at once, completed, and paid for', async () => {
    const { api } = tenant;
    const key = newKey();
    const body = textOf('Why do rivers meander?', { metadata: { order: '4711' } });
    const accepted = await api.submit(body, key);
    const { id, created_at, expires_at, hold_amount, estimated_cost } = accepted.body;
    expect(accepted.status).to.equal(202);
    expect(id).to.match(/^exec_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(accepted.headers).to.include({ location: `/v1/executions/${id}` });
    expect(accepted.headers['x-request-id']).to.match(/^req_/);
    expect(accepted.headers).not.to.have.property('idempotency-replayed');
    expect(accepted.body).to.deep.equal({
      id,
      status: 'PENDING',
      model: body.model,
      metadata: { order: '4711' },
      created_at,
      expires_at,
      hold_amount,
      estimated_cost,
    });
    expect(Date.parse(expires_at) - Date.parse(created_at)).to.equal(300_000);
    const holdMin = (micros(estimated_cost) * 12n) / 10n;
    expect(micros(hold_amount)).to.equal(holdMin > 10_000n ? holdMin : 10_000n);

    expect((await api.execution(id)).status).to.equal(200);
    const over = await whenOver(api, id);
    expect(over).to.include({ id, status: 'COMPLETED', created_at, expires_at, hold_amount });
    expect(over).to.have.property('result').that.is.an('object');
    const result = await api.result(id);
    expect(result.status).to.equal(200);
    expect(result.body).to.include({ execution_id: id, status: 'COMPLETED', cost: over.cost });
    expect(result.body.output.text).to.have.length.above(20);
    expect(result.body.output).to.have.all.keys('text', 'finish_reason', 'usage');

    const timeline = await api.timeline(id);
    expect(timeline.map(({ sequence, type }) => [sequence, type])).to.deep.equal([
      [1, 'execution.accepted'],
      [2, 'execution.started'],
      [3, 'execution.completed'],
    ]);
    const ledger = await whenSettled(api, id);
    const moved = (type: string) =>
      ledger.filter((entry) => entry.type === type).map(({ amount }) => micros(amount));
    expect(moved('HOLD')).to.deep.equal([-micros(hold_amount)]);
    expect(moved('SETTLEMENT')).to.deep.equal([-micros(over.cost ?? '')]);
    expect(moved('RELEASE')).to.deep.equal([micros(hold_amount)]);
  });

  it('is the same one when it is asked for again with the same key and body', async () => {
    const { api } = tenant;
    const key = newKey();
    const first = await api.submit(textOf('Once only'), key);
    await whenOver(api, first.body.id);
    const quoted = { 'idempotency-key': `"${key}"` };
    const body = textOf('Once only');
    const inBody = await api.call('POST', '/executions', {
      body: { ...body, idempotency_key: key },
    });
    const asQuoted = await api.call('POST', '/executions', { body, headers: quoted });
    for (const again of [await api.submit(body, key), inBody, asQuoted]) {
      expect([again.status, again.headers['idempotency-replayed']]).to.deep.equal([202, 'true']);
      expect(again.body).to.deep.equal(first.body);
    }
    expect(await callsFor(system().sandboxUrl, first.body.id)).to.have.length(1);
    await whenSettled(api, first.body.id);
    expect(await ledgerOf(api, first.body.id)).to.have.length(3);
  });

  it('is refused when it cannot be what its caller wants', async () => {
    const key = newKey();
    expect((await tenant.api.submit(textOf('One thing'), key)).status).to.equal(202);
    expect(await refusalOf(textOf('Another'), key)).to.deep.equal([422, 'IDEMPOTENCY_MISMATCH']);
    expect(await refusalOf({ ...textOf('x'), model: 'no-such-model' })).to.deep.equal([
      ...[400, 'INPUT_VALIDATION_ERROR', 'model unknown_model'],
    ]);
    const url = 'https://example.com/cat.png';
    const [status, code, detail] = await refusalOf(
      imageOf('A cat', { input: { prompt: 'A cat', image: url } }),
    );
    expect([status, code]).to.deep.equal([400, 'INPUT_VALIDATION_ERROR']);
    expect(detail).to.match(/^input\.image /);
    const noFile = `file_${'0'.repeat(8)}-0000-4000-8000-${'0'.repeat(12)}`;
    expect(
      await refusalOf(imageOf('A cat', { input: { prompt: 'A cat', image: noFile } })),
    ).to.deep.equal([400, 'FILE_NOT_FOUND', 'input.image file_not_found']);
    expect(await refusalOf({ ...textOf('x'), idempotency_key: 'differs' })).to.deep.equal([
      ...[400, 'INPUT_VALIDATION_ERROR', 'idempotency_key mismatch'],
    ]);
    expect((await tenant.api.call('POST', '/executions', { body: textOf('x') })).status).to.equal(
      400,
    );
  });

  it('leaves no trace when there is too little money for it', async () => {
    const { api } = await newTenant(system(), '0.009');
    const answer = await api.submit(textOf('Too dear'), newKey());
    expect(answer.status).to.equal(402);
    expect((answer.body as unknown as ErrorBody).error).to.include({
      code: 'INSUFFICIENT_BALANCE',
      retryable: false,
    });
    expect(await api.all('/executions')).to.deep.equal([]);
    expect(await api.all('/billing/holds')).to.deep.equal([]);
    expect(await api.all('/billing/ledger')).to.have.length(1);
    expect(await api.balance()).to.deep.equal({
      available: '0.009',
      held: '0.000',
      total: '0.009',
    });
  });

  it('can be cancelled while it is not over, at no cost', async () => {
    const { api } = tenant;
    await behave(system().sandboxUrl, { aurora: { latency: 3_000 }, borealis: { latency: 3_000 } });
    const { id, hold_amount } = await accept(api, textOf('Never mind'));
    const cancelled = await api.cancel(id);
    expect([cancelled.status, cancelled.body.status]).to.deep.equal([200, 'CANCELLED']);
    expect((await api.cancel(id)).status).to.equal(200);
    expect((await api.execution(id)).body).to.include({ status: 'CANCELLED', cost: null });
    expect((await api.result(id)).status).to.equal(409);
    const ledger = await whenSettled(api, id);
    expect(ledger.map(({ type, amount }) => [type, micros(amount)])).to.have.deep.members([
      ['HOLD', -micros(hold_amount)],
      ['RELEASE', micros(hold_amount)],
    ]);
    const done = await accept(api, textOf('Done before'));
    await behaveWell(system().sandboxUrl);
    await whenOver(api, done.id);
    expect((await api.cancel(done.id)).status).to.equal(409);
  });

  it('expires when its time is up, at no cost', async () => {
    const { api } = tenant;
    await behave(system().sandboxUrl, { aurora: { latency: 9_000 }, borealis: { latency: 9_000 } });
    const askedAt = Date.now();
    const { id, expires_at, created_at } = await accept(api, textOf('Late', { expires_in: 2 }));
    expect(Date.parse(expires_at) - Date.parse(created_at)).to.equal(2_000);
    const over = await whenOver(api, id);
    expect(over).to.include({ status: 'EXPIRED', cost: null });
    expect(Date.now() - askedAt).to.be.within(1_900, 5_000);
    expect((await whenSettled(api, id)).map(({ type }) => type)).to.have.members([
      'HOLD',
      'RELEASE',
    ]);
  });

  it('is taken by another provider when the first one fails', async () => {
    const { api } = tenant;
    await behave(system().sandboxUrl, { aurora: { errorRate: 1, errorStatus: 503 } });
    const { id } = await accept(api, textOf('Who answers?'));
    const over = await whenOver(api, id);
    expect(over.status).to.equal('COMPLETED');
    const calls = await callsFor(system().sandboxUrl, id);
    const paid = calls.filter((call) => call.paid);
    expect(paid.map(({ personality }) => personality)).to.deep.equal(['borealis']);
    const types = (await api.timeline(id)).map(({ type }) => type);
    expect(types).to.deep.equal(['execution.accepted', 'execution.started', 'execution.completed']);
  });

  it('fails with the canonical code when moderation rejects it, at no cost', async () => {
    const { api } = tenant;
    const { id } = await accept(api, textOf('[[moderation]] this'));
    const over = await whenOver(api, id);
    expect(over).to.include({ status: 'FAILED', cost: null });
    expect(over.error).to.deep.equal({
      code: 'CONTENT_MODERATION_REJECTED',
      message: 'The content was rejected by moderation.',
      retryable: false,
      details: [{ code: 'other', message: 'The content is not allowed by the model.' }],
    });
    expect((await whenSettled(api, id)).map(({ type }) => type)).to.have.members([
      'HOLD',
      'RELEASE',
    ]);
  });

  it('paints a picture that its owner downloads whole or in part, and nobody else', async () => {
    const { api } = tenant;
    const { id } = await accept(api, imageOf('Paper boats at dawn'));
    expect((await whenOver(api, id)).status).to.equal('COMPLETED');
    const [image] = (await api.result(id)).body.output.images ?? [];
    expect(image).to.include({ format: 'png', width: 256, height: 256 });
    const path = `/files/${image?.file_id}`;
    const file = await api.call<{ size_bytes: number; content_type: string }>('GET', path);
    expect(file.body).to.include({ content_type: 'image/png' });
    const whole = await api.call('GET', `${path}/download`);
    expect([whole.status, whole.bytes.length]).to.deep.equal([200, file.body.size_bytes]);
    expect(whole.headers).to.include({ 'content-type': 'image/png', 'accept-ranges': 'bytes' });
    expect(whole.bytes.subarray(0, 8).toString('hex')).to.equal('89504e470d0a1a0a');
    const part = await api.call('GET', `${path}/download`, { headers: { range: 'bytes=10-19' } });
    expect(part.status).to.equal(206);
    expect(part.bytes).to.deep.equal(whole.bytes.subarray(10, 20));
    expect(part.headers).to.include({ 'content-range': `bytes 10-19/${whole.bytes.length}` });
    const stranger = (await newTenant(system())).api;
    expect((await stranger.call('GET', path)).status).to.equal(404);
    expect((await stranger.call('GET', `${path}/download`)).status).to.equal(404);
  });

  it('answers under /api/v1 as under /v1', async () => {
    const { api } = tenant;
    const { id } = await accept(api, textOf('Either door'));
    await whenOver(api, id);
    const headers = { authorization: `Bearer ${api.apiKey}` };
    const other = await send(`${system().baseUrl}/api/v1/executions/${id}`, 'GET', { headers });
    expect(other.body).to.deep.equal((await api.execution(id)).body);
  });

  it('is listed, newest first, page by page', async () => {
    const { api } = await newTenant(system());
    const accepted: string[] = [];
    for (let n = 0; n < 5; n += 1)
      accepted.push((await accept(api, textOf(`Number ${n}`, { metadata: { n: `${n}` } }))).id);
    const listed = await eventually('all are listed', async () => {
      const all = await api.all<ExecutionBody>('/executions');
      return all.length === 5 ? all : undefined;
    });
    expect(listed.map(({ id }) => id)).to.deep.equal(accepted.toReversed());
    type Page = { data: ExecutionBody[]; next_cursor: string | null };
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const from: string = cursor && `&cursor=${cursor}`;
      const { body } = await api.call<Page>('GET', `/executions?limit=2${from}`);
      seen.push(...body.data.map(({ id }) => id));
      cursor = body.next_cursor;
    }
    expect(seen).to.deep.equal(accepted.toReversed());
  });
});
