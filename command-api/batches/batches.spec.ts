import { expect } from 'chai';
import type { AccountEvent } from '../../contracts/events/account.js';
import type { BatchEvent } from '../../contracts/events/batch.js';
import { executionIdOf, type BatchId, type ExecutionId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { readEvents } from '../../command-handling/streams.js';
import { openMemoryEventStore } from '../../infra/event-store/testing/memory.js';
import type { AppendUnit, EventStore } from '../../infra/event-store/port.js';
import {
  accountEvents,
  executionEvents,
  openCommandApi,
  openTenant,
  type Answer,
  type CommandApi,
  type Tenant,
} from '../testing/kit.js';

interface Result {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly idempotency_replayed?: boolean;
}

const model = 'text-generation-standard';
const item = (key: string, more: object = {}) => ({
  model,
  input: { prompt: `Rivers of ${key}`, max_tokens: 16 },
  idempotency_key: key,
  ...more,
});
const itemsFor = (count: number, prefix = 'k') =>
  Array.from({ length: count }, (_, n) => item(`${prefix}${n}`));

describe('POST /v1/executions/batch', () => {
  const large = new Map<string, Buffer>();
  let units: AppendUnit[] = [];
  let store: EventStore;
  let api: CommandApi;
  let tenant: Tenant;

  before(async () => {
    const memory = openMemoryEventStore();
    const append: EventStore['append'] = (unit) => {
      units.push(unit);
      return memory.append(unit);
    };
    store = { ...memory, append };
    api = await openCommandApi(store, large);
  });
  beforeEach(async () => {
    tenant = await openTenant(api, '100.00');
    units = [];
  });
  after(async () => {
    await api.close();
    await store.close();
  });

  const send = (body: unknown, headers: object = {}, { as }: Tenant = tenant) =>
    api.ask('POST', '/v1/executions/batch', {
      headers: { ...as, 'x-request-id': 'r', ...headers },
      body,
    });
  const submit = (executions: readonly unknown[], headers?: object, as?: Tenant) =>
    send({ executions }, headers, as);
  const resultsOf = ({ json, status, text }: Answer) => {
    expect(status, text.slice(0, 500)).to.equal(200);
    return json['results'] as readonly Result[];
  };
  const batchOf = ({ json }: Answer) => json['batch_id'] as BatchId;
  const statusesOf = (answer: Answer) => resultsOf(answer).map(({ status }) => status);
  const codesOf = (answer: Answer) =>
    resultsOf(answer).map(({ body }) => {
      const { code, details } = (body['error'] ?? {}) as {
        code?: string;
        details?: { code: string }[];
      };
      return details?.[0]?.code ?? code;
    });
  const eventsOf = (id: BatchId) => readEvents<BatchEvent>(store, streamOf('batch', id));
  const placed = async () =>
    (await accountEvents(store, tenant.organizationId)).filter(
      ({ type }: AccountEvent) => type === 'HoldPlaced',
    ).length;

  it('answers each item as it would have been answered alone, in order', async () => {
    const single = await api.ask('POST', '/v1/executions', {
      headers: { ...tenant.as, 'x-request-id': 'r' },
      body: item('alone', { model: 'nobody' }),
    });
    const answer = await submit([
      item('a', { metadata: { n: '1' } }),
      item('x', { model: 'nobody' }),
      item('b'),
    ]);
    const [a, x, b, ...more] = resultsOf(answer);
    expect(more).to.deep.equal([]);
    expect([x?.status, x?.body]).to.deep.equal([single.status, single.json]);
    const batchId = batchOf(answer);
    expect([a?.status, b?.status]).to.deep.equal([202, 202]);
    const ids = ['a', 'b'].map((key) => executionIdOf(tenant.organizationId, key));
    expect([a?.body['id'], b?.body['id']]).to.deep.equal(ids);
    expect(a?.body).to.deep.include({ status: 'PENDING', metadata: { n: '1' }, batch_id: batchId });
    const [requested] = await executionEvents(store, ids[0]!);
    expect(requested?.data).to.include({ batchId, idempotencyKey: 'a' });
    const [submitted, ...others] = await eventsOf(batchId);
    expect(others).to.deep.equal([]);
    expect(submitted?.data).to.deep.include({ executionIds: ids, rejected: 1 });
  });

  it('changes nothing when it is sent again, and says that all was there', async () => {
    const items = [...itemsFor(20), item('bad', { input: {} })];
    const first = await submit(items);
    units = [];
    const again = await submit(items);
    expect(units).to.deep.equal([]);
    expect(batchOf(again)).to.equal(batchOf(first));
    const marked = resultsOf(first).map((one) =>
      one.status === 202 ? { ...one, idempotency_replayed: true } : one,
    );
    expect(resultsOf(again)).to.deep.equal(marked);
    expect(await placed()).to.equal(20);
  });

  it('accepts 1,000 in as few appends as the account makes of them', async () => {
    const answer = await submit(itemsFor(1_000));
    expect(new Set(statusesOf(answer))).to.deep.equal(new Set([202]));
    const ofAccount = units.filter(({ appends: [{ stream }] }) => stream.startsWith('account-'));
    expect(ofAccount).to.have.length(4);
    expect(units).to.have.length(5);
    const [submitted] = await eventsOf(batchOf(answer));
    expect(submitted?.type === 'BatchSubmitted' && submitted.data.executionIds.length).to.equal(
      1_000,
    );
  }).timeout(20_000);

  it('makes one batch and one execution each of two that race', async () => {
    const items = itemsFor(50);
    const [one, other] = await Promise.all([submit(items), submit(items)]);
    expect(batchOf(one)).to.equal(batchOf(other));
    const bodies = (answer: Answer) => resultsOf(answer).map(({ body }) => body);
    expect(bodies(one)).to.deep.equal(bodies(other));
    const open = new Set<string>();
    for (const { type, data } of await accountEvents(store, tenant.organizationId)) {
      if (type === 'HoldPlaced') open.add(data.holdId);
      if (type === 'HoldReleased') open.delete(data.holdId);
    }
    expect(open.size).to.equal(50);
    expect(await eventsOf(batchOf(one))).to.have.length(1);
  });

  it('completes what a crash left: executions without their batch', async () => {
    const items = itemsFor(10);
    const first = await submit(items.slice(0, 4), { 'idempotency-key': 'the batch' });
    const whole = await submit(items, { 'idempotency-key': 'another' });
    expect(statusesOf(whole)).to.deep.equal(Array(10).fill(202));
    const [event] = await eventsOf(batchOf(whole));
    expect(event?.data).to.include({ others: 4 });
    expect(batchOf(first)).not.to.equal(batchOf(whole));
  });

  it('takes in what a repeat had accepted', async () => {
    const poor = await openTenant(api, '0.02');
    const items = itemsFor(3);
    const first = await submit(items, {}, poor);
    expect(statusesOf(first)).to.deep.equal([202, 202, 402]);
    await api.asOperator('POST', `/admin/v1/organizations/${poor.organizationId}/top-ups`, {
      amount: '1',
      idempotency_key: 'more',
    });
    const again = await submit(items, {}, poor);
    expect(statusesOf(again)).to.deep.equal([202, 202, 202]);
    const [, extended, ...more] = await eventsOf(batchOf(again));
    expect(more).to.deep.equal([]);
    const third = executionIdOf(poor.organizationId, 'k2');
    expect(extended?.type).to.equal('BatchExtended');
    expect(extended?.data).to.deep.include({ executionIds: [third], rejected: 0 });
  });

  it('answers the items of one key one after another', async () => {
    const same = item('same');
    const other = { ...same, metadata: { a: 'b' } };
    const answer = await submit([same, other, same, item('one'), { ...same, model: 'nobody' }]);
    expect(statusesOf(answer)).to.deep.equal([202, 422, 202, 202, 422]);
    expect(resultsOf(answer).map((one) => one.idempotency_replayed)).to.deep.equal([
      undefined,
      undefined,
      true,
      undefined,
      undefined,
    ]);
    const thousand = await submit(Array<unknown>(1_000).fill(item('thousand')));
    expect(new Set(statusesOf(thousand))).to.deep.equal(new Set([202]));
    const [submitted] = await eventsOf(batchOf(thousand));
    expect(submitted?.data).to.deep.include({ rejected: 0 });
    expect(submitted?.type === 'BatchSubmitted' && submitted.data.executionIds).to.have.length(1);
  }).timeout(20_000);

  it('answers what is no submission by itself', async () => {
    const { idempotency_key: _, ...keyless } = item('x');
    const deep = `${'['.repeat(80)}${']'.repeat(80)}`;
    const items = [
      'null',
      '[]',
      '1',
      '{}',
      JSON.stringify(keyless),
      JSON.stringify(item('')),
      JSON.stringify(item('\u0001')),
      `{"idempotency_key":"d","model":"m","input":{"a":${deep}}}`,
      '{"a":1,"a":2}',
      '"\\u0000"',
      JSON.stringify(item('big', { input: { prompt: 'x'.repeat(1_100_000) } })),
      JSON.stringify(item('good')),
    ];
    const answer = await send(`{"executions":[${items.join(',')}]}`);
    expect(codesOf(answer)).to.deep.equal([
      'type',
      'type',
      'type',
      'required',
      'required',
      'min_length',
      'malformed',
      'too_deep',
      'duplicate_key',
      'nul_character',
      'PAYLOAD_TOO_LARGE',
      undefined,
    ]);
    expect(statusesOf(answer)).to.deep.equal([...Array<number>(10).fill(400), 413, 202]);
  });

  it('records a batch of which all was refused', async () => {
    const answer = await submit(Array.from({ length: 1_000 }, () => ({ nothing: true })));
    expect(new Set(statusesOf(answer))).to.deep.equal(new Set([400]));
    const [submitted] = await eventsOf(batchOf(answer));
    expect(submitted?.data).to.deep.include({ executionIds: [], rejected: 1_000 });
  });

  it('stores large inputs, and keeps none of what was refused', async () => {
    const poor = await openTenant(api, '1.00');
    const heavy = (key: string) =>
      item(key, { input: { prompt: 'a '.repeat(60_000), max_tokens: 1 } });
    const before = large.size;
    const answer = await submit(
      Array.from({ length: 40 }, (_, n) => heavy(`h${n}`)),
      {},
      poor,
    );
    const accepted = statusesOf(answer).filter((status) => status === 202).length;
    expect(accepted).to.be.within(1, 39);
    expect(large.size - before).to.equal(accepted);
  }).timeout(20_000);

  it('refuses the whole where the whole is wrong', async () => {
    const one = JSON.stringify(item('x'));
    const cases: readonly (readonly [string, unknown, number, string])[] = [
      ['no JSON', `{"executions":[${one}`, 400, 'body'],
      ['an item that is none', `{"executions":[${one},{"a":}]}`, 400, 'executions[1]'],
      ['no list', {}, 400, 'executions'],
      ['a list of nothing', { executions: [] }, 400, 'executions'],
      ['something that is no list', { executions: 'x' }, 400, 'executions'],
      ['another field', { executions: [item('x')], more: [1] }, 400, 'more'],
      ['a list itself', [item('x')], 400, 'body'],
      ['1,001 items', { executions: Array<number>(1_001).fill(0) }, 400, 'executions'],
    ];
    for (const [name, body, status, field] of cases) {
      const answer = await send(body);
      const { details } = answer.json['error'] as { details: readonly { field: string }[] };
      expect([name, answer.status, details[0]?.field]).to.deep.equal([name, status, field]);
    }
    const long = { executions: [item('x')], more: 'x'.repeat(1_100_000) };
    expect((await send(long)).status).to.equal(413);
    const over = `{"executions":[${' '.repeat(16 * 1024 * 1024)}]}`;
    expect((await send(over)).status).to.equal(413);
    expect(await placed()).to.equal(0);
  });

  it('refuses other items under the key of a batch', async () => {
    const headers = { 'idempotency-key': 'batch-1' };
    const first = await submit(itemsFor(2), headers);
    expect(batchOf(await submit(itemsFor(2), headers))).to.equal(batchOf(first));
    const other = await submit(itemsFor(3), headers);
    expect(other.status).to.equal(422);
    expect(await placed()).to.equal(2);
  });

  describe('POST /v1/batches/{id}/cancel', () => {
    const cancel = (id: string, { as }: Tenant = tenant) =>
      api.ask('POST', `/v1/batches/${id}/cancel`, { headers: { ...as, 'x-request-id': 'r' } });

    it('asks for it once, however often it is called', async () => {
      const id = batchOf(await submit(itemsFor(2)));
      const first = await cancel(id);
      expect(first.status).to.equal(200);
      expect(first.json).to.deep.include({ id, status: 'CANCELLING' });
      expect((await cancel(id)).text).to.equal(first.text);
      const types = (await eventsOf(id)).map(({ type }) => type);
      expect(types).to.deep.equal(['BatchSubmitted', 'BatchCancelRequested']);
    });

    it('refuses one that is over', async () => {
      const id = batchOf(await submit([{}]));
      const ends = { completed: 0, failed: 0, cancelled: 0, expired: 0, cost: 0n };
      const at = new Date().toISOString();
      const command = { type: 'Complete', executions: 0, ends, at } as const;
      const metadata = { actor: 'operator', correlationId: id, causationId: 'spec' };
      await api.commands.batches.transact(id, command, metadata);
      expect((await cancel(id)).status).to.equal(409);
    });

    it("answers for another tenant's batch as for one that does not exist", async () => {
      const id = batchOf(await submit(itemsFor(1)));
      const stranger = await openTenant(api);
      const made = await cancel(`batch_${crypto.randomUUID()}`, stranger);
      const theirs = await cancel(id, stranger);
      expect([theirs.status, theirs.text]).to.deep.equal([404, made.text]);
    });
  });

  it('gives an item the id that its key has anywhere', async () => {
    const [result] = resultsOf(await submit([item('shared')]));
    const id = result?.body['id'] as ExecutionId;
    const alone = await api.ask('POST', '/v1/executions', {
      headers: tenant.as,
      body: item('shared'),
    });
    expect([alone.status, alone.json['id']]).to.deep.equal([202, id]);
    expect(alone.headers['idempotency-replayed']).to.equal('true');
  });
});
