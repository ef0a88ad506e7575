import { expect } from 'chai';
import type { DeliveryEvent } from '../../contracts/events/delivery.js';
import { streamOf } from '../../contracts/streams.js';
import { deliveries as table, deliveryAttempts } from '../../infra/read-store/tables/deliveries.js';
import { at, openReadModels, ORGANIZATION, type Fact, type ReadModels } from '../testing/kit.js';
import { deliveries } from './deliveries.js';

const deliveryId = 'dlv_44444444-4444-4444-8444-444444444444';
const executionId = 'exec_33333333-3333-4333-8333-333333333333';
const eventId = 'evt_55555555-5555-4555-8555-555555555555';
const url = 'https://receiver.example/hook';
const known = { deliveryId, organizationId: ORGANIZATION, executionId } as const;

const fact = (event: DeliveryEvent): Fact => ({
  ...event,
  stream: streamOf('delivery', deliveryId),
});

const scheduled = fact({
  type: 'DeliveryScheduled',
  data: {
    ...known,
    eventId,
    eventType: 'execution.completed',
    sequence: 3,
    revision: 7,
    url,
    at: at(0),
  },
});
const failed = fact({
  type: 'DeliveryAttemptFailed',
  data: {
    ...known,
    attempt: 1,
    reason: 'timed out',
    latencyMs: 30_000,
    nextAttemptAt: at(150),
    at: at(30),
  },
});

describe('projection deliveries', () => {
  let models: ReadModels;
  before(async () => {
    models = await openReadModels();
  });
  beforeEach(() => models.reset());
  after(() => models?.close());

  const row = {
    id: deliveryId,
    organization_id: ORGANIZATION,
    execution_id: executionId,
    event_id: eventId,
    event_type: 'execution.completed',
    sequence: 3,
    url,
    scheduled_at: at(0),
  };
  const firstAttempt = {
    delivery_id: deliveryId,
    attempt: 1,
    succeeded: false,
    reason: 'timed out',
    latency_ms: '30000',
    at: at(30),
    position: '1',
  };

  it('given failed attempts, then when the next one is due', async () => {
    await models.append(scheduled, failed);
    await models.project(deliveries, 1);
    expect(await models.rows(table)).to.deep.equal([
      {
        ...row,
        status: 'WAITING',
        attempts: 1,
        next_attempt_at: at(150),
        revision: 1,
        position: '1',
      },
    ]);
    expect(await models.rows(deliveryAttempts)).to.deep.equal([firstAttempt]);
  });

  it('given an answer of 2xx, then it is over', async () => {
    const data = { ...known, attempt: 2, status: 204, latencyMs: 12, at: at(151) };
    await models.append(scheduled, failed, fact({ type: 'DeliverySucceeded', data }));
    await models.project(deliveries, 2);
    expect(await models.rows(table)).to.deep.equal([
      {
        ...row,
        status: 'SUCCEEDED',
        attempts: 2,
        finished_at: at(151),
        revision: 2,
        position: '2',
      },
    ]);
    expect(await models.rows(deliveryAttempts, 'attempt')).to.deep.equal([
      firstAttempt,
      {
        delivery_id: deliveryId,
        attempt: 2,
        succeeded: true,
        http_status: 204,
        latency_ms: '12',
        at: at(151),
        position: '2',
      },
    ]);
  });

  it('given that nothing helps, then it is given up', async () => {
    const data = {
      ...known,
      attempt: 1,
      status: 410,
      reason: 'answered 410',
      latencyMs: 9,
      cause: 'gone' as const,
      at: at(3),
    };
    await models.append(scheduled, fact({ type: 'DeliveryExhausted', data }));
    await models.project(deliveries);
    expect(await models.rows(table)).to.deep.equal([
      {
        ...row,
        status: 'EXHAUSTED',
        attempts: 1,
        finished_at: at(3),
        revision: 1,
        position: '1',
      },
    ]);
  });
});
