import { expect } from 'chai';
import type { ExecutionRequested } from '../../contracts/events/execution.js';
import { executionIdOf, type ExecutionId } from '../../contracts/ids.js';
import type * as Execution from '../../domain/execution/execution.js';
import { openMemoryEventStore } from '../../infra/event-store/testing/memory.js';
import type { EventStore } from '../../infra/event-store/port.js';
import { executionEvents, openCommandApi, openTenant } from '../testing/kit.js';
import type { CommandApi, Tenant } from '../testing/kit.js';

const asked = {
  model: 'text-generation-standard',
  input: { prompt: 'Rivers', max_tokens: 16 },
  metadata: { order: '7' },
  expires_in: 60,
  webhook_url: 'https://example.org/hook',
  webhook_events: ['execution.failed'],
};

describe('POST /v1/executions/{id}/retry', () => {
  let store: EventStore;
  let api: CommandApi;
  let tenant: Tenant;

  before(async () => {
    store = openMemoryEventStore();
    api = await openCommandApi(store);
    tenant = await openTenant(api, '100.00');
  });
  after(async () => {
    await api.close();
    await store.close();
  });

  const retry = (id: string, key?: string, { as }: Tenant = tenant, body?: unknown) =>
    api.ask('POST', `/v1/executions/${id}/retry`, {
      headers: { ...as, 'x-request-id': 'r', ...(key !== undefined && { 'idempotency-key': key }) },
      ...(body !== undefined && { body }),
    });

  async function submitted(key: string, body: object = asked): Promise<ExecutionId> {
    const { status, json } = await api.ask('POST', '/v1/executions', {
      headers: { ...tenant.as, 'idempotency-key': key },
      body,
    });
    expect(status, JSON.stringify(json)).to.equal(202);
    return json['id'] as ExecutionId;
  }

  const end = async (id: ExecutionId, command: Execution.Command) => {
    const metadata = { actor: 'processor:spec', correlationId: id, causationId: 'spec' };
    const { outcome } = await api.commands.executions.transact(id, command, metadata);
    expect(outcome).to.equal('accepted');
  };
  const cancelled = async (key: string, body?: object) => {
    const id = await submitted(key, body);
    await end(id, { type: 'Cancel', at: new Date().toISOString() });
    return id;
  };
  const requestedOf = async (id: ExecutionId) =>
    (await executionEvents(store, id))[0]?.data as ExecutionRequested['data'];
  const detailOf = ({ json }: { json: Record<string, unknown> }) =>
    (json['error'] as { details: readonly Record<string, string>[] }).details[0];

  it('asks for the same again, under a key of its own', async () => {
    const id = await cancelled('a');
    const { status, json, headers } = await retry(id, 'a again');
    expect(status, JSON.stringify(json)).to.equal(202);
    const retried = json['id'] as ExecutionId;
    expect(retried).to.equal(executionIdOf(tenant.organizationId, 'a again'));
    expect(headers['location']).to.equal(`/v1/executions/${retried}`);
    expect(json).to.deep.include({ status: 'PENDING', retry_of: id, metadata: { order: '7' } });
    const [before, now] = [await requestedOf(id), await requestedOf(retried)];
    const { executionId: _, at, holdId, idempotencyKey, bodyHash, expiresAt, ...rest } = now;
    expect(rest).to.deep.equal({
      ...rest,
      retryOf: id,
      metadata: before.metadata,
      webhookUrl: before.webhookUrl,
      webhookEvents: before.webhookEvents,
      estimatedCost: before.estimatedCost,
    });
    expect(rest.input).to.deep.include({ sha256: before.input.sha256, bytes: before.input.bytes });
    expect(idempotencyKey).to.equal('a again');
    expect(holdId).not.to.equal(before.holdId);
    expect(bodyHash).not.to.equal(before.bodyHash);
    expect(Date.parse(expiresAt) - Date.parse(at)).to.equal(60_000);
  });

  it('answers a repeat with the same words, and no other request under its key', async () => {
    const [id, other] = [await cancelled('b'), await cancelled('c')];
    const first = await retry(id, undefined, tenant, { idempotency_key: 'b again' });
    expect(first.status).to.equal(202);
    const again = await retry(id, 'b again');
    expect([again.status, again.text]).to.deep.equal([202, first.text]);
    expect(again.headers['idempotency-replayed']).to.equal('true');
    expect((await retry(other, 'b again')).status).to.equal(422);
    expect((await retry(id, 'b')).status).to.equal(422);
    const headers = { ...tenant.as, 'idempotency-key': 'b again' };
    const submission = await api.ask('POST', '/v1/executions', { headers, body: asked });
    expect(submission.status).to.equal(422);
  });

  it('makes one execution of many that race', async () => {
    const id = await cancelled('race');
    const answers = await Promise.all(Array.from({ length: 20 }, () => retry(id, 'race again')));
    expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([202]));
    expect(new Set(answers.map(({ text }) => text)).size).to.equal(1);
  });

  it('retries what failed, and a retry that ended without a result', async () => {
    const id = await submitted('d');
    const at = new Date().toISOString();
    await end(id, { type: 'Fail', code: 'GENERATION_FAILED', at });
    const { json } = await retry(id, 'd again');
    await end(json['id'] as ExecutionId, { type: 'Cancel', at });
    const third = await retry(json['id'] as string, 'd once more');
    expect(third.json['retry_of']).to.equal(json['id']);
  });

  it('refuses what may still come to a result, and says what it is', async () => {
    const answer = await retry(await submitted('e'), 'e again');
    expect(answer.status).to.equal(409);
    expect(detailOf(answer)).to.include({ field: 'status', code: 'PENDING' });
  });

  it('needs a key, and takes nothing else', async () => {
    const id = await cancelled('f');
    expect(detailOf(await retry(id))).to.include({ field: 'idempotency_key', code: 'required' });
    const changed = await retry(id, 'f again', tenant, { input: { prompt: 'Lakes' } });
    expect([changed.status, detailOf(changed)?.['field']]).to.deep.equal([400, 'input']);
  });

  it('says when the input is gone; a retry that was accepted stays answered', async () => {
    const id = await cancelled('g');
    const accepted = await retry(id, 'g again');
    const { input } = await requestedOf(id);
    await api.commands.payloads.remove(input.ref);
    const answer = await retry(id, 'g once more');
    expect(answer.status).to.equal(409);
    expect(detailOf(answer)).to.include({ field: 'input', code: 'input_erased' });
    expect((await retry(id, 'g again')).text).to.equal(accepted.text);
  });

  it("answers for another tenant's execution as for one that does not exist", async () => {
    const stranger = await openTenant(api, '1.00');
    const theirs = await retry(await cancelled('h'), 'x', stranger);
    const made = await retry(`exec_${crypto.randomUUID()}`, 'x', stranger);
    expect([theirs.status, theirs.text]).to.deep.equal([404, made.text]);
  });
});
