import { expect } from 'chai';
import type { DeliveryEvent } from '../../contracts/events/delivery.js';
import { streamOf } from '../../contracts/streams.js';
import {
  deliveries as table,
  deliveryAttempts,
  endpointHealth,
} from '../../infra/read-store/tables/deliveries.js';
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
        http_status: 204,
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
        cause: 'gone',
        attempts: 1,
        http_status: 410,
        finished_at: at(3),
        revision: 1,
        position: '1',
      },
    ]);
  });

  const endpointId = 'we_66666666-6666-4666-8666-666666666666';
  const toEndpoint = { ...known, endpointId } as const;
  const attempted = (attempt: number) => ({ ...toEndpoint, attempt, latencyMs: 5 });

  it('given what is asked for again, then it waits, and its end is another one', async () => {
    const stopped = { ...toEndpoint, cause: 'endpoint_inactive', at: at(40) } as const;
    const again = { ...toEndpoint, requestId: 'req_1', attempts: 1, was: 'exhausted' } as const;
    await models.append(scheduled, failed, fact({ type: 'DeliveryStopped', data: stopped }));
    await models.project(deliveries, 1);
    const [over] = await models.rows(table);
    expect(over).to.deep.include({ status: 'EXHAUSTED', cause: 'endpoint_inactive', attempts: 1 });
    await models.append(fact({ type: 'RedeliveryRequested', data: { ...again, at: at(50) } }));
    await models.project(deliveries);
    const [waiting] = await models.rows(table);
    expect(waiting).to.include({ status: 'WAITING', attempts: 1, next_attempt_at: at(50) });
    expect(waiting).to.not.have.any.keys('cause', 'finished_at');
  });

  it('given attempts at an endpoint, then how it takes them', async () => {
    const nextAttemptAt = at(150);
    const failures = Array.from({ length: 12 }, (_, n) => {
      const data = { ...attempted(n + 1), at: at(n + 1), reason: 'timeout', nextAttemptAt };
      return fact({ type: 'DeliveryAttemptFailed', data });
    });
    await models.append(scheduled, ...failures);
    await models.project(deliveries, 5);
    const [failing] = await models.rows(endpointHealth);
    expect(failing).to.deep.include({
      failure_count: 12,
      failing_since: at(1),
      tenth_failure_at: at(3),
      exhausted_in_row: 0,
    });
    const why = { status: 410, reason: 'answered 410', cause: 'gone' } as const;
    const gone = { ...attempted(13), ...why, at: at(20) };
    await models.append(fact({ type: 'DeliveryExhausted', data: gone }));
    await models.project(deliveries);
    expect((await models.rows(endpointHealth))[0]).to.include({
      failure_count: 13,
      exhausted_in_row: 1,
      gone_at: at(20),
    });
    const data = { ...toEndpoint, attempt: 14, latencyMs: 5, status: 200, at: at(30) };
    await models.append(fact({ type: 'DeliverySucceeded', data }));
    await models.project(deliveries);
    const [healthy] = await models.rows(endpointHealth);
    expect(healthy).to.include({ failure_count: 0, last_success_at: at(30), exhausted_in_row: 0 });
    expect(healthy).to.not.have.any.keys('failing_since', 'gone_at', 'tenth_failure_at');
  });
});
