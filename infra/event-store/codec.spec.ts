import { expect } from 'chai';
import { createCodec, InvalidEvent, type LogRow } from './codec.js';
import { AT, created, deposited, metadata } from './testing/contract/kit.js';
import type { Upcasters } from './upcasters.js';

describe('codec', () => {
  const alarms: object[] = [];
  const log = { warn: () => undefined, error: (fields: object) => void alarms.push(fields) };
  beforeEach(() => void (alarms.length = 0));

  const row = (type: string, data: object, version = 1): LogRow => ({
    stream: 'account-org_1',
    revision: 3,
    position: 7n,
    id: '00000000-0000-4000-8000-000000000000',
    type,
    data: JSON.stringify(data),
    metadata: JSON.stringify({ ...metadata, schemaVersion: version }),
  });

  it('writes money as decimal strings and reads it as bigint', () => {
    const codec = createCodec(log);
    const event = deposited(12_500_000n);
    const { data } = codec.encode(event);
    expect(JSON.parse(data)).to.deep.equal({
      ...event.data,
      amount: '12.500',
      availableAfter: '12.500',
      heldAfter: '0.000',
    });
    expect(codec.decode(row('FundsDeposited', JSON.parse(data) as object))?.data).to.deep.equal(
      event.data,
    );
  });

  it('refuses money outside of what the log can say', () => {
    const codec = createCodec(log);
    expect(() => codec.encode(deposited(10n ** 18n))).to.throw(InvalidEvent, 'availableAfter');
  });

  it('refuses what JSON would change', () => {
    const codec = createCodec(log);
    for (const name of [1n, NaN, undefined, Symbol('x'), new Date(0)]) {
      const event = created();
      const bad = { ...event, data: { ...event.data, name } as never };
      expect(() => codec.encode(bad), String(name)).to.throw(InvalidEvent);
    }
  });

  it('hands over what this process appended, and parses what its text says otherwise', () => {
    const codec = createCodec(log);
    const { type } = deposited(5n);
    const exact = [deposited(5n), created('\ud800'), created('\u0000')];
    const inexact = [
      { ...created(), metadata: { ...metadata, ip: undefined as never } },
      { ...created(), data: Object.assign(Object.create(null) as object, created().data) as never },
    ];
    for (const event of [...exact, ...inexact]) {
      const { data, metadata: written, appended } = codec.encode(event);
      const stored = { ...row(type, {}), type: event.type, data, metadata: written };
      const handedOver = codec.decode({ ...stored, appended });
      expect(handedOver).to.deep.equal(codec.decode(stored));
      expect(handedOver?.data === event.data).to.equal(exact.includes(event));
    }
  });

  it('never says a value in an error', () => {
    const codec = createCodec(log);
    const event = created('acme');
    const data = { ...event.data, at: 'a secret' };
    expect(() => codec.encode({ ...event, data }))
      .to.throw(InvalidEvent)
      .with.property('message')
      .that.does.not.contain('secret');
  });

  it('counts every unknown type, and says each once', () => {
    const codec = createCodec(log);
    for (const type of ['MoonLanded', 'MoonLanded', 'constructor'])
      expect(codec.decode(row(type, {}))).to.equal(undefined);
    expect([...codec.unknownTypes]).to.deep.equal([
      ['MoonLanded', 2],
      ['constructor', 1],
    ]);
    expect(alarms).to.deep.equal([
      { type: 'MoonLanded', stream: 'account-org_1', position: '7' },
      { type: 'constructor', stream: 'account-org_1', position: '7' },
    ]);
  });

  it('brings old versions up step by step, also to another type', () => {
    const { organizationId } = created().data as { organizationId: string };
    const steps: Upcasters = {
      TenantMade: {
        1: ({ who }) => ({ type: 'TenantMade', version: 2, data: { title: who } }),
        2: ({ title }) => ({
          type: 'OrganizationCreated',
          version: 1,
          data: { organizationId, name: title, at: AT },
        }),
      },
    };
    const codec = createCodec(log, steps);
    const event = codec.decode(row('TenantMade', { who: 'acme' }));
    expect(event).to.deep.equal({
      id: '00000000-0000-4000-8000-000000000000',
      stream: 'account-org_1',
      revision: 3,
      position: 7n,
      type: 'OrganizationCreated',
      data: { organizationId, name: 'acme', at: AT },
      metadata,
    });
  });

  it('refuses a row that is not what its schema says, wherever it is damaged', () => {
    const codec = createCodec(log);
    const good = row('OrganizationCreated', created().data);
    expect(codec.decode(good)).not.to.equal(undefined);
    const damages: Partial<LogRow>[] = [
      { data: '{}' },
      { data: '[]' },
      { metadata: '{}' },
      { metadata: 'null' },
    ];
    for (const damage of damages)
      expect(() => codec.decode({ ...good, ...damage })).to.throw(InvalidEvent);
    expect(() => codec.decode({ ...good, data: '{' })).to.throw();
  });
});
