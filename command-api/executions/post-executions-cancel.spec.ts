import { expect } from 'chai';
import type { ExecutionId } from '../../contracts/ids.js';
import { openMemoryEventStore } from '../../infra/event-store/testing/memory.js';
import type { EventStore } from '../../infra/event-store/port.js';
import { executionEvents, openCommandApi, openTenant } from '../testing/kit.js';
import type { CommandApi, Tenant } from '../testing/kit.js';

describe('POST /v1/executions/{id}/cancel', () => {
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

  const cancel = (id: string, { as }: Tenant = tenant, requestId = 'r') =>
    api.ask('POST', `/v1/executions/${id}/cancel`, {
      headers: { ...as, 'x-request-id': requestId },
    });

  async function submitted(key: string): Promise<ExecutionId> {
    const { json } = await api.ask('POST', '/v1/executions', {
      headers: { ...tenant.as, 'idempotency-key': key },
      body: { model: 'text-generation-standard', input: { prompt: 'Rivers' } },
    });
    return json['id'] as ExecutionId;
  }

  it('cancels what is not over, once', async () => {
    const id = await submitted('a');
    const first = await cancel(id);
    expect(first.status).to.equal(200);
    expect(first.json).to.include({ id, status: 'CANCELLED', cost: null });
    expect(first.json['completed_at']).to.be.a('string');
    const again = await cancel(id);
    expect([again.status, again.text]).to.deep.equal([200, first.text]);
    const types = (await executionEvents(store, id)).map(({ type }) => type);
    expect(types).to.deep.equal(['ExecutionRequested', 'ExecutionCancelled']);
  });

  it('refuses what is over, and says what it is', async () => {
    const id = await submitted('b');
    const at = new Date().toISOString();
    const failure = { type: 'Fail', code: 'GENERATION_FAILED', at } as const;
    const metadata = { actor: 'processor:spec', correlationId: id, causationId: 'spec' };
    await api.commands.executions.transact(id, failure, metadata);
    const { status, json } = await cancel(id);
    expect(status).to.equal(409);
    const { error } = json as { error: Record<string, unknown> };
    expect(error).to.deep.equal({
      code: 'CONFLICT',
      message: 'The execution is over already: it is FAILED.',
      retryable: false,
      request_id: 'r',
      details: [{ field: 'status', code: 'FAILED', message: 'is final' }],
    });
  });

  it("answers another tenant's, a made-up and a malformed id alike", async () => {
    const foreign = await openTenant(api);
    const own = await submitted('c');
    const answers = [
      await cancel(own, foreign),
      await cancel(`exec_${crypto.randomUUID()}`, foreign),
      await cancel('exec_1', foreign),
    ];
    const [first] = answers;
    expect(first?.status).to.equal(404);
    for (const { status, text, headers } of answers) {
      expect([status, text]).to.deep.equal([404, first?.text]);
      expect({ ...headers, date: '' }).to.deep.equal({ ...first?.headers, date: '' });
    }
    expect((await executionEvents(store, own)).length).to.equal(1);
  });
});
