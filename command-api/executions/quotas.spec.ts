import { expect } from 'chai';
import type { ErrorDetail } from '../../contracts/error-codes.js';
import { createMemoryLog, openMemoryEventStore } from '../../infra/event-store/testing/memory.js';
import { StoreOverloaded } from '../../infra/event-store/port.js';
import { accountEvents, executionEvents, openCommandApi, openTenant } from '../testing/kit.js';
import type { Answer, CommandApi, Tenant } from '../testing/kit.js';
import type { Requested } from './submit.js';

const asks = (prompt: string) => ({
  model: 'text-generation-standard',
  input: { prompt, max_tokens: 16 },
});
const LARGE = 100_000;
const large = asks('x'.repeat(LARGE));
const small = asks('Rivers');

describe('POST /v1/executions, within bounds', () => {
  const kept = new Map<string, Buffer>();
  let puts = 0;
  let apis: readonly [CommandApi, CommandApi];

  before(async () => {
    const memory = createMemoryLog();
    const open = () => openCommandApi(openMemoryEventStore({ memory }), kept);
    apis = [await open(), await open()];
    for (const { commands } of apis) {
      const { payloads } = commands;
      const put = payloads.put.bind(payloads);
      Object.assign(payloads, {
        put: (...given: Parameters<typeof put>) => {
          puts += 1;
          return put(...given);
        },
      });
    }
  });
  beforeEach(() => {
    kept.clear();
    puts = 0;
  });
  after(async () => {
    for (const api of apis) {
      await api.close();
      await api.commands.store.close();
    }
  });

  let serial = 0;
  const post = (
    { as }: Tenant,
    body: object,
    { key = `key-${++serial}`, via = 0 }: { key?: string; via?: 0 | 1 } = {},
  ): Promise<Answer> =>
    apis[via].ask('POST', '/v1/executions', { headers: { ...as, 'idempotency-key': key }, body });
  const setQuotas = async ({ organizationId }: Tenant, quotas: object) => {
    const path = `/admin/v1/organizations/${organizationId}/quotas`;
    for (const api of apis)
      expect((await api.asOperator('PATCH', path, quotas)).status).to.eql(200);
  };
  const statusesOf = (answers: readonly Answer[]) => answers.map(({ status }) => status).sort();
  const detailOf = ({ json }: Answer) =>
    (json as { error: { details: readonly ErrorDetail[] } }).error.details[0]?.code;
  const inputOf = async ({ json }: Answer) => {
    const [requested] = await executionEvents(
      apis[0].commands.store,
      json['id'] as `exec_${string}`,
    );
    return (requested?.data as Requested).input;
  };

  describe('large inputs', () => {
    it('are not stored for whom there is no money', async () => {
      const tenant = await openTenant(apis[0]);
      for (let n = 0; n < 20; n++) expect((await post(tenant, large)).status).to.equal(402);
      expect([puts, kept.size]).to.deep.equal([0, 0]);
      expect(await accountEvents(apis[0].commands.store, tenant.organizationId)).to.have.length(0);
    });

    it('leave nothing where the money went to another meanwhile', async () => {
      const rich = await openTenant(apis[0], '1.00');
      const { json } = await post(rich, large);
      const tenant = await openTenant(apis[0], String(json['hold_amount']));
      kept.clear();
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, n) => post(tenant, large, { via: n % 2 ? 1 : 0 })),
      );
      expect(statusesOf(answers)).to.deep.equal([202, ...Array<number>(9).fill(402)]);
      const winner = answers.find(({ status }) => status === 202) as Answer;
      expect([...kept.keys()]).to.deep.equal([(await inputOf(winner)).ref]);
    });

    it('are stored once, however many duplicates race', async () => {
      const tenant = await openTenant(apis[0], '10.00');
      for (const body of [large, small]) {
        kept.clear();
        const answers = await Promise.all(
          Array.from({ length: 20 }, (_, n) =>
            post(tenant, body, { key: `same-${JSON.stringify(body).length}`, via: n % 2 ? 1 : 0 }),
          ),
        );
        expect(new Set(answers.map(({ text }) => text)).size).to.equal(1);
        const { ref } = await inputOf(answers[0] as Answer);
        if (body === large) expect([...kept.keys()]).to.deep.equal([ref]);
      }
    });

    it('leave nothing when too many commands wait', async () => {
      const tenant = await openTenant(apis[0], '10.00');
      const { accounts } = apis[0].commands;
      const submit = accounts.submit.bind(accounts);
      Object.assign(accounts, {
        submit: (...given: Parameters<typeof submit>) =>
          given[1].command.type === 'PlaceHold'
            ? Promise.reject(new StoreOverloaded())
            : submit(...given),
      });
      try {
        expect((await post(tenant, large)).status).to.equal(503);
        expect([puts, kept.size]).to.deep.equal([1, 0]);
      } finally {
        Object.assign(accounts, { submit });
      }
    });
  });

  it('has so many executions that are not over, in all processes together', async () => {
    const tenant = await openTenant(apis[0], '10.00');
    await setQuotas(tenant, { waiting_executions: 5 });
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => post(tenant, small, { via: n % 2 ? 1 : 0 })),
    );
    expect(statusesOf(answers)).to.deep.equal([
      ...Array<number>(5).fill(202),
      ...Array<number>(15).fill(429),
    ]);
    const refused = answers.find(({ status }) => status === 429) as Answer;
    expect(detailOf(refused)).to.equal('waiting_executions');
    expect(refused.headers['retry-after']).to.equal('10');
    expect(refused.json).to.have.nested.property('error.code', 'RATE_LIMITED');
    expect(refused.json).to.have.nested.property('error.retryable', true);
    const before = puts;
    expect((await post(tenant, large)).status).to.equal(429);
    expect(puts).to.equal(before);
    await setQuotas(tenant, { waiting_executions: 6 });
    expect((await post(tenant, small)).status).to.equal(202);
    expect((await post(tenant, small)).status).to.equal(429);
  });

  it('stores so many bytes; a repeat of what was accepted is answered', async () => {
    const tenant = await openTenant(apis[0], '10.00');
    const first = await post(tenant, large, { key: 'first' });
    const { bytes } = await inputOf(first);
    await setQuotas(tenant, { storage_bytes: 2 * bytes + 100 });
    const answers = await Promise.all(Array.from({ length: 5 }, () => post(tenant, large)));
    expect(statusesOf(answers)).to.deep.equal([202, 402, 402, 402, 402]);
    const refused = answers.find(({ status }) => status === 402) as Answer;
    expect(detailOf(refused)).to.equal('storage_quota');
    expect(refused.json).to.have.nested.property('error.code', 'INSUFFICIENT_BALANCE');
    expect(kept.size).to.equal(2);
    expect((await post(tenant, small)).status).to.equal(202);
    expect((await post(tenant, asks('y'.repeat(200)))).status).to.equal(402);
    const again = await post(tenant, large, { key: 'first' });
    expect([again.status, again.headers['idempotency-replayed']]).to.deep.equal([202, 'true']);
    await setQuotas(tenant, { storage_bytes: null });
    expect((await post(tenant, large)).status).to.equal(202);
  });

  it('takes back what it reserved for what was refused otherwise', async () => {
    const tenant = await openTenant(apis[0], '0.01');
    await setQuotas(tenant, { storage_bytes: 2 * LARGE });
    for (let n = 0; n < 5; n++) expect((await post(tenant, large)).status).to.equal(402);
    const { organizationId } = tenant;
    expect(apis[0].commands.storedBytes.reserve(organizationId, 2 * LARGE, 2 * LARGE)).to.equal(
      true,
    );
  });
});
