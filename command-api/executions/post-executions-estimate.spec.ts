import { expect } from 'chai';
import { openMemoryEventStore } from '../../infra/event-store/testing/memory.js';
import { START, type EventStore } from '../../infra/event-store/port.js';
import { openCommandApi, openTenant, type CommandApi, type Tenant } from '../testing/kit.js';

const text = { model: 'text-generation-standard', input: { prompt: 'Rivers', max_tokens: 16 } };

interface Line {
  readonly unit: string;
  readonly unit_price: string;
  readonly quantity: number;
  readonly per: number;
  readonly amount: string;
}
interface ModelEstimate {
  readonly model: string;
  readonly estimated_cost: string;
  readonly lines: readonly Line[];
}

describe('POST /v1/executions/estimate', () => {
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

  const estimate = (body: unknown, { as }: Tenant = tenant) =>
    api.ask('POST', '/v1/executions/estimate', { headers: as, body });
  const submit = (key: string, body: unknown, { as }: Tenant = tenant) =>
    api.ask('POST', '/v1/executions', { headers: { ...as, 'idempotency-key': key }, body });
  const written = async () => (await store.readAll(START, 1_000)).events.length;

  it('says what a submission will say, line by line, and writes nothing', async () => {
    const before = await written();
    const { status, json } = await estimate(text);
    expect(status).to.equal(200);
    expect(await written()).to.equal(before);
    const accepted = await submit('one', text);
    const { estimated_cost, hold_amount } = accepted.json;
    expect(json).to.deep.include({ estimated_cost, hold_amount });
    expect(json).to.deep.include({ model: text.model, would_be_accepted: true, refusal: null });
    const [only, ...more] = json['models'] as readonly ModelEstimate[];
    expect(more).to.deep.equal([]);
    expect(only).to.deep.include({ model: text.model, estimated_cost });
    const micros = (amount: string) => Math.round(Number(amount) * 1_000_000);
    for (const { unit_price, quantity, per, amount } of only?.lines ?? [])
      expect(micros(amount)).to.equal(Math.ceil((micros(unit_price) * quantity) / per));
    const sum = only?.lines.reduce((all, { amount }) => all + micros(amount), 0);
    expect(sum).to.equal(micros(String(estimated_cost)));
    const outputs = only?.lines.find(({ unit }) => unit.includes('output_tokens'));
    expect(outputs?.quantity).to.equal(16);
  });

  it('holds over the dearest of the models that may stand in', async () => {
    const hd = { model: 'flux-1.1-pro', input: { prompt: 'A lake' } };
    const both = { ...hd, fallback_models: ['image-generation-hd'] };
    const { status, json } = await estimate(both);
    expect(status, JSON.stringify(json)).to.equal(200);
    const models = json['models'] as readonly ModelEstimate[];
    expect(models.map(({ model }) => model)).to.deep.equal(['flux-1.1-pro', 'image-generation-hd']);
    const dearest = Math.max(...models.map(({ estimated_cost }) => Number(estimated_cost)));
    expect(Number(json['estimated_cost'])).to.equal(dearest);
  });

  it('says when it would be refused, and for what', async () => {
    const poor = await openTenant(api);
    const { status, json } = await estimate(text, poor);
    expect(status).to.equal(200);
    expect(json['would_be_accepted']).to.equal(false);
    const refused = await submit('one', text, poor);
    const { request_id: _, ...error } = refused.json['error'] as Record<string, unknown>;
    expect(json['refusal']).to.deep.equal(error);
  });

  it('refuses what a submission is refused for, in the same words', async () => {
    for (const body of [
      { ...text, model: 'nobody' },
      { ...text, input: { prompt: 1 } },
      { ...text, fallback_models: ['flux-1.1-pro'] },
      { ...text, webhook_url: 'http://10.0.0.1/x' },
      { ...text, surprise: true },
      { model: 'flux-1.1-pro', input: { prompt: 'x', image: `file_${crypto.randomUUID()}` } },
    ]) {
      const [one, other] = [await estimate(body), await submit('k', body)];
      const error = ({ json }: typeof one) => {
        const { request_id: _, ...rest } = json['error'] as Record<string, unknown>;
        return rest;
      };
      expect([one.status, error(one)]).to.deep.equal([other.status, error(other)]);
      expect(one.status).to.equal(400);
    }
  });
});
