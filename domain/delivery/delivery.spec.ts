import { expect } from 'chai';
import fc from 'fast-check';
import { specFor } from '../testing/given-when-then.js';
import * as Delivery from './delivery.js';

const { given } = specFor(Delivery);
const at = '2026-01-01T00:00:00.000Z';
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const after = (ms: number): string => new Date(Date.parse(at) + ms).toISOString();

const fact = { deliveryId: 'dlv_1', organizationId: 'org_1', executionId: 'exec_1' } as const;
const scheduledData = {
  ...fact,
  eventId: 'evt_1',
  eventType: 'execution.completed',
  sequence: 3,
  revision: 2,
  url: 'https://receiver.example/hook',
  at,
} as const;
const scheduled: Delivery.Event = { type: 'DeliveryScheduled', data: scheduledData };
const schedule: Delivery.Command = { type: 'Schedule', data: scheduledData };

type Tried = { result: Delivery.AttemptResult; attempt?: number; jitter?: number; ms?: number };

/** An attempt that took 7 ms and ended `ms` after the delivery was scheduled. */
const record = ({ result, attempt = 1, jitter = 0, ms = 0 }: Tried): Delivery.Command => ({
  type: 'RecordAttempt',
  attempt,
  result,
  jitter,
  latencyMs: 7,
  at: after(ms),
});
const answered = (status: number, retryAfterMs?: number): Delivery.AttemptResult => ({
  kind: 'answered',
  status,
  ...(retryAfterMs !== undefined && { retryAfterMs }),
});

const tried = (attempt: number, ms: number) => ({ ...fact, at: after(ms), attempt, latencyMs: 7 });
const failed = (attempt: number, ms: number, nextMs: number, status = 500): Delivery.Event => ({
  type: 'DeliveryAttemptFailed',
  data: {
    ...tried(attempt, ms),
    status,
    reason: `answered ${status}`,
    nextAttemptAt: after(nextMs),
  },
});
const succeeded = (attempt: number, ms: number, status = 200): Delivery.Event => ({
  type: 'DeliverySucceeded',
  data: { ...tried(attempt, ms), status },
});
const exhausted = (
  attempt: number,
  ms: number,
  cause: 'attempts' | 'age' | 'gone' | 'refused',
  why: { status?: number; reason: string },
): Delivery.Event => ({
  type: 'DeliveryExhausted',
  data: { ...tried(attempt, ms), ...why, cause },
});
const answeredWith = (status: number) => ({ status, reason: `answered ${status}` });

/** So many attempts have failed; the last one just now. */
const failures = (attempts: number): Delivery.Event[] => [
  scheduled,
  ...Array.from({ length: attempts }, (_, n) => failed(n + 1, 0, 0)),
];

describe('Delivery', () => {
  it('is scheduled once', () => {
    given().when(schedule).then(scheduled);
    given(scheduled).when(schedule).thenAlreadyDone();
    given(scheduled, succeeded(1, 0)).when(schedule).thenAlreadyDone();
    given(scheduled, exhausted(1, 0, 'gone', answeredWith(410)))
      .when(schedule)
      .thenAlreadyDone();
  });

  it('records attempts only of what is scheduled and not over', () => {
    const attempt = record({ result: answered(200) });
    given().when(attempt).thenRejected('NotScheduled');
    given(scheduled, succeeded(1, 0)).when(attempt).thenRejected('AlreadyFinished');
    given(scheduled, exhausted(1, 0, 'gone', answeredWith(410)))
      .when(attempt)
      .thenRejected('AlreadyFinished');
  });

  it('records each attempt once, in order', () => {
    given(scheduled)
      .when(record({ attempt: 2, result: answered(500) }))
      .thenRejected('NotThisAttempt');
    given(...failures(1))
      .when(record({ attempt: 1, result: answered(500) }))
      .thenRejected('NotThisAttempt');
  });

  for (const status of [200, 201, 204, 299])
    it(`has succeeded when ${status} is answered`, () => {
      given(scheduled)
        .when(record({ result: answered(status), ms: 5 }))
        .then(succeeded(1, 5, status));
    });

  for (const status of [199, 300, 301, 400, 404, 429, 500, 503])
    it(`is tried again when ${status} is answered`, () => {
      given(scheduled)
        .when(record({ result: answered(status), ms: 5 }))
        .then(failed(1, 5, 5 + 2 * MINUTE, status));
    });

  it('is tried again when there was no answer', () => {
    given(scheduled)
      .when(record({ result: { kind: 'failed', reason: 'timeout' }, ms: 30_000 }))
      .then({
        type: 'DeliveryAttemptFailed',
        data: {
          ...tried(1, 30_000),
          reason: 'timeout',
          nextAttemptAt: after(30_000 + 2 * MINUTE),
        },
      });
  });

  [2, 4, 8, 16, 30].forEach((minutes, index) =>
    it(`waits ${minutes} to ${1.2 * minutes} minutes after attempt ${index + 1}`, () => {
      const attempt = index + 1;
      const wait = (jitter: number, waitMs: number) =>
        given(...failures(index))
          .when(record({ attempt, result: answered(500), jitter, ms: HOUR }))
          .then(failed(attempt, HOUR, HOUR + waitMs));
      wait(0, minutes * MINUTE);
      wait(0.5, 1.1 * minutes * MINUTE);
      wait(1, 1.2 * minutes * MINUTE);
    }),
  );

  it('is exhausted after six attempts', () => {
    expect(Delivery.ATTEMPTS_MAX).to.equal(6);
    given(...failures(5))
      .when(record({ attempt: 6, result: answered(500), ms: HOUR }))
      .then(exhausted(6, HOUR, 'attempts', answeredWith(500)));
    given(...failures(5))
      .when(record({ attempt: 6, result: answered(200), ms: HOUR }))
      .then(succeeded(6, HOUR));
  });

  it('waits longer when the receiver asks for it, and never shorter', () => {
    given(scheduled)
      .when(record({ result: answered(503, 10 * MINUTE) }))
      .then(failed(1, 0, 10 * MINUTE, 503));
    given(scheduled)
      .when(record({ result: answered(503, 1_000) }))
      .then(failed(1, 0, 2 * MINUTE, 503));
    given(scheduled)
      .when(record({ result: answered(429, 1_000), jitter: 1 }))
      .then(failed(1, 0, 2.4 * MINUTE, 429));
  });

  it('is kept waiting no longer than an hour, whatever the receiver asks', () => {
    for (const asked of [HOUR, HOUR + 1, 24 * HOUR, Number.MAX_SAFE_INTEGER, Infinity])
      given(scheduled)
        .when(record({ result: answered(429, asked) }))
        .then(failed(1, 0, HOUR, 429));
  });

  it('dies after 24 hours', () => {
    given(scheduled)
      .when(record({ result: answered(500), ms: 24 * HOUR - 2 * MINUTE }))
      .then(failed(1, 24 * HOUR - 2 * MINUTE, 24 * HOUR));
    given(scheduled)
      .when(record({ result: answered(500), ms: 24 * HOUR - 2 * MINUTE + 1 }))
      .then(exhausted(1, 24 * HOUR - 2 * MINUTE + 1, 'age', answeredWith(500)));
    given(...failures(1))
      .when(record({ attempt: 2, result: answered(500), ms: 24 * HOUR }))
      .then(exhausted(2, 24 * HOUR, 'age', answeredWith(500)));
  });

  it('is given up at once when the address is gone, or is none that we call', () => {
    given(scheduled)
      .when(record({ result: answered(410) }))
      .then(exhausted(1, 0, 'gone', answeredWith(410)));
    given(scheduled)
      .when(record({ result: { kind: 'refused', reason: 'a private address' } }))
      .then(exhausted(1, 0, 'refused', { reason: 'a private address' }));
  });

  const stopped: Delivery.Event = {
    type: 'DeliveryStopped',
    data: { ...fact, cause: 'endpoint_inactive', at },
  };

  it('is recorded together with its first attempt, or with why there is none', () => {
    const first = { result: answered(500), latencyMs: 7, jitter: 0, at };
    const attempted: Delivery.Command = {
      type: 'ScheduleAttempted',
      data: scheduledData,
      ...first,
    };
    given()
      .when(attempted)
      .then(scheduled, failed(1, 0, 2 * MINUTE));
    given(scheduled).when(attempted).thenAlreadyDone();
    const inactive: Delivery.Command = {
      type: 'ScheduleStopped',
      data: scheduledData,
      cause: 'endpoint_inactive',
    };
    given().when(inactive).then(scheduled, stopped);
    given(scheduled, stopped).when(inactive).thenAlreadyDone();
  });

  it('is over where its endpoint takes nothing any more', () => {
    const stop: Delivery.Command = { type: 'Stop', cause: 'endpoint_inactive', at };
    given().when(stop).thenRejected('NotScheduled');
    given(scheduled).when(stop).then(stopped);
    given(scheduled, stopped).when(stop).thenAlreadyDone();
    given(scheduled, succeeded(1, 0)).when(stop).thenAlreadyDone();
    given(scheduled, stopped)
      .when(record({ result: answered(200) }))
      .thenRejected('AlreadyFinished');
  });

  const again = (n: number, attempts: number, was: 'waiting' | 'succeeded' | 'exhausted') =>
    ({
      type: 'RedeliveryRequested',
      data: { ...fact, requestId: `req_${n}`, attempts, was, at: after(HOUR) },
    }) as const;
  const redeliver = (n: number): Delivery.Command => ({
    type: 'Redeliver',
    requestId: `req_${n}`,
    at: after(HOUR),
  });

  it('is sent again when that is asked for, whatever came of it', () => {
    given().when(redeliver(1)).thenRejected('NotScheduled');
    given(scheduled, succeeded(1, 0))
      .when(redeliver(1))
      .then(again(1, 1, 'succeeded'));
    given(scheduled, stopped)
      .when(redeliver(1))
      .then(again(1, 0, 'exhausted'));
    given(...failures(2))
      .when(redeliver(1))
      .then(again(1, 2, 'waiting'));
  });

  it('is not due twice', () => {
    given(scheduled).when(redeliver(1)).thenAlreadyDone();
    given(scheduled, stopped, again(1, 0, 'exhausted'))
      .when(redeliver(2))
      .thenAlreadyDone();
    given(scheduled, stopped, again(1, 0, 'exhausted'), succeeded(1, HOUR))
      .when(redeliver(1))
      .thenAlreadyDone();
  });

  it('has six attempts and a day anew', () => {
    given(...failures(5), exhausted(6, 0, 'attempts', answeredWith(500)), again(1, 6, 'exhausted'))
      .when(record({ attempt: 7, result: answered(500), ms: 24 * HOUR }))
      .then(failed(7, 24 * HOUR, 24 * HOUR + 2 * MINUTE));
  });

  it('is asked for again a hundred times', () => {
    const rounds = Array.from({ length: 100 }, (_, n) => [
      again(n, n + 1, 'succeeded'),
      succeeded(n + 2, HOUR),
    ]);
    given(scheduled, succeeded(1, 0), ...rounds.flat())
      .when(redeliver(100))
      .thenRejected('TooManyRedeliveries');
  });

  it('ends after at most six attempts, each later than the one before, within 24 hours', () => {
    fc.assert(fc.property(fc.array(anyResult(), { minLength: 6, maxLength: 8 }), walk));
  });
});

type Step = { result: Delivery.AttemptResult; jitter: number; lateMs: number };

function anyResult(): fc.Arbitrary<Step> {
  const retryAfterMs = fc.integer({ min: 1, max: 30 * HOUR });
  const status = fc.integer({ min: 100, max: 599 });
  const result = fc.oneof<fc.Arbitrary<Delivery.AttemptResult>[]>(
    fc.record({ kind: fc.constant('answered' as const), status }),
    fc.record({ kind: fc.constant('answered' as const), status, retryAfterMs }),
    fc.record({ kind: fc.constant('failed' as const), reason: fc.constant('timeout') }),
  );
  const jitter = fc.double({ min: 0, max: 1, noNaN: true });
  return fc.record({ result, jitter, lateMs: fc.integer({ min: 0, max: 2 * MINUTE }) });
}

function walk(steps: readonly Step[]): void {
  let state = Delivery.evolve(Delivery.initial(), scheduled);
  let attempts = 0;
  for (const { result, jitter, lateMs } of steps) {
    if (state.status !== 'waiting') break;
    const due = Date.parse(state.nextAttemptAt);
    expect(due - Date.parse(at)).to.be.at.most(Delivery.AGE_MAX_MS);
    const ms = due + lateMs - Date.parse(at);
    const attempt = ++attempts;
    const command = record({ result, jitter, attempt, ms });
    const decision = Delivery.decide(state, command);
    if (decision.kind !== 'accepted') throw new Error(JSON.stringify(decision));
    expect(decision.events).to.have.length(1);
    const [event] = decision.events;
    if (event?.type === 'DeliveryExhausted')
      expect(event.data.cause, 'all six happen').to.be.oneOf(['attempts', 'gone']);
    state = decision.events.reduce(Delivery.evolve, state);
    if (state.status === 'waiting')
      expect(Date.parse(state.nextAttemptAt)).to.be.at.least(due + lateMs + 2 * MINUTE);
    expect(Delivery.decide(state, command).kind, 'issued again').to.equal('rejected');
  }
  expect(attempts).to.be.at.most(Delivery.ATTEMPTS_MAX);
  expect(state.status).to.be.oneOf(['succeeded', 'exhausted']);
}
