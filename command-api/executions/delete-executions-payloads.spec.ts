import { expect } from 'chai';
import type { PayloadsErased } from '../../contracts/events/erasure.js';
import type { ExecutionRequested } from '../../contracts/events/execution.js';
import type { ExecutionId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { openMemoryEventStore } from '../../infra/event-store/testing/memory.js';
import type { EventStore } from '../../infra/event-store/port.js';
import { executionEvents, openCommandApi, openTenant } from '../testing/kit.js';
import type { CommandApi, Tenant } from '../testing/kit.js';

describe('DELETE /v1/executions/{id}/payloads', () => {
  let store: EventStore;
  let api: CommandApi;
  let tenant: Tenant;

  before(async () => {
    store = openMemoryEventStore();
    api = await openCommandApi(store);
    tenant = await openTenant(api, '1.00');
  });
  after(async () => {
    await api.close();
    await store.close();
  });

  const erase = (id: string, { as }: Tenant = tenant) =>
    api.ask('DELETE', `/v1/executions/${id}/payloads`, {
      headers: { ...as, 'x-request-id': 'r' },
    });

  async function submitted(key: string): Promise<ExecutionId> {
    const { json } = await api.ask('POST', '/v1/executions', {
      headers: { ...tenant.as, 'idempotency-key': key },
      body: { model: 'text-generation-standard', input: { prompt: 'Rivers' } },
    });
    return json['id'] as ExecutionId;
  }

  async function cancelled(key: string): Promise<ExecutionId> {
    const id = await submitted(key);
    const { status } = await api.ask('POST', `/v1/executions/${id}/cancel`, { headers: tenant.as });
    expect(status).to.equal(200);
    return id;
  }

  const inputOf = async (id: ExecutionId) =>
    ((await executionEvents(store, id))[0]?.data as ExecutionRequested['data']).input;
  const erasuresOf = async (id: ExecutionId) =>
    (await store.readStream(streamOf('erasure', id))) as readonly PayloadsErased[];

  it('refuses what is not over, and says what it is', async () => {
    const id = await submitted('a');
    const { status, json } = await erase(id);
    expect(status).to.equal(409);
    const { error } = json as { error: Record<string, unknown> };
    expect(error).to.deep.equal({
      code: 'CONFLICT',
      message: 'The execution is not over: it is PENDING. Cancel it first.',
      retryable: false,
      request_id: 'r',
      details: [{ field: 'status', code: 'PENDING', message: 'is not final' }],
    });
    expect(await erasuresOf(id)).to.deep.equal([]);
    expect(await api.commands.payloads.get(await inputOf(id))).to.not.equal(undefined);
  });

  it('erases the input of what is over, once, and says since when', async () => {
    const id = await cancelled('b');
    const input = await inputOf(id);
    const before = await executionEvents(store, id);
    const answers = await Promise.all([erase(id), erase(id), erase(id)]);
    const [{ status, json, text } = expect.fail('no answer')] = answers;
    expect(status).to.equal(200);
    expect(json).to.include({ id, status: 'CANCELLED' });
    for (const answer of [...answers, await erase(id)]) expect(answer.text).to.equal(text);
    const [erasure, ...others] = await erasuresOf(id);
    expect(others).to.deep.equal([]);
    expect(erasure?.data).to.deep.equal({
      executionId: id,
      organizationId: tenant.organizationId,
      cause: 'asked',
      payloads: [input],
      bytes: input.bytes,
      files: [],
      at: json['payloads_erased_at'],
    });
    expect(await api.commands.payloads.get(input)).to.equal(undefined);
    expect(await executionEvents(store, id)).to.deep.equal(before);
  });

  it('erases what a provider called back, and keeps nothing that comes later', async () => {
    const id = await submitted('c');
    const at = new Date().toISOString();
    const metadata = { actor: 'processor:spec', correlationId: id, causationId: 'spec' };
    const { commands } = api;
    await commands.executions.transact(
      id,
      {
        type: 'Dispatch',
        provider: 'p',
        route: 'r',
        dispatchKey: `${id}.1`,
        deadline: new Date(Date.now() + 60_000).toISOString(),
        candidates: [],
        at,
      },
      metadata,
    );
    const callback = { ref: `${id}/callback/1/x`, sha256: 'ab'.repeat(32), bytes: 3 };
    const organizationId = tenant.organizationId;
    const about = { executionId: id, organizationId, attempt: 1, at };
    const data = { ...about, callback, bodySha256: 'cd'.repeat(32) };
    await commands.attempts.transact(`${id}.1`, { type: 'ReceiveCallback', data }, metadata);
    await commands.executions.transact(id, { type: 'Cancel', at }, metadata);
    expect((await erase(id)).status).to.equal(200);
    const input = await inputOf(id);
    const [erasure] = await erasuresOf(id);
    expect(erasure?.data.payloads).to.deep.equal([input, callback]);
    expect(erasure?.data.bytes).to.equal(input.bytes + 3);
  });

  it('leaves nothing that could be retried, also where a process remembers the input', async () => {
    const id = await cancelled('d');
    const input = await inputOf(id);
    const remembered = await api.commands.payloads.get(input);
    expect((await erase(id)).status).to.equal(200);
    api.commands.payloads.remember(input, remembered ?? expect.fail('there was no input'));
    const retried = await api.ask('POST', `/v1/executions/${id}/retry`, {
      headers: { ...tenant.as, 'idempotency-key': 'd again' },
    });
    expect(retried.status).to.equal(409);
    expect(retried.text).to.contain('input_erased');
  });

  it("answers for another tenant's execution as for one that does not exist", async () => {
    const stranger = await openTenant(api, '1.00');
    const id = await cancelled('e');
    const theirs = await erase(id, stranger);
    const made = await erase(`exec_${crypto.randomUUID()}`, stranger);
    expect([theirs.status, theirs.text]).to.deep.equal([404, made.text]);
    expect((await erase('nonsense', stranger)).text).to.equal(made.text);
    expect(await erasuresOf(id)).to.deep.equal([]);
  });
});
