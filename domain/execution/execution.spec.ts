import { expect } from 'chai';
import fc from 'fast-check';
import type { HoldId } from '../../contracts/ids.js';
import { specFor } from '../testing/given-when-then.js';
import * as Execution from './execution.js';
import { settlementOf } from './settlement.js';
import {
  T0,
  T1,
  LATE,
  holdId,
  who,
  request,
  requested,
  claim,
  dispatch,
  dispatched,
  onAttempt,
  output,
  success,
  delivered,
  ending,
  completed,
  failedEvent,
  cancelled,
  expired,
  abandonedOf,
  fail,
  failedOnce,
  unknown,
  unknownOutcome,
  unknownWith,
  timedOut,
  complete,
  cancel,
  expire,
  abandon,
  asked,
} from './testing/story.js';
import { timelineOf } from './timeline.js';
import { foldExecution, isOver, type ExecutionView } from './view.js';

const { given } = specFor(Execution);

describe('Execution', () => {
  it('is requested once, whatever is asked again', () => {
    given().when(asked).then(requested);
    given(requested).when(asked).thenAlreadyDone();
    given(requested)
      .when({ type: 'Request', data: request({ bodyHash: 'other' }) })
      .thenRejected('RequestedAlready');
    given(requested, dispatched, completed).when(asked).thenAlreadyDone();
  });

  it('is fenced by its abandonment, and may be asked for again with another hold', () => {
    given().when(abandon('hold_1')).then(abandonedOf('hold_1'));
    given(abandonedOf('hold_1')).when(abandon('hold_1')).thenAlreadyDone();
    given(abandonedOf('hold_1')).when(asked).thenRejected('Abandoned');
    const anew = request({ holdId: 'hold_2' });
    given(abandonedOf('hold_1'))
      .when({ type: 'Request', data: anew })
      .then({ type: 'ExecutionRequested', data: anew });
    given(requested).when(abandon('hold_1')).thenRejected('RequestedAlready');
    given(requested, cancelled).when(abandon('hold_1')).thenRejected('RequestedAlready');
  });

  it('is claimed once per attempt, not before it is due and not after it expired', () => {
    given(requested).when(dispatch).then(dispatched);
    given(requested, dispatched).when(dispatch).thenRejected('NotDispatchable');
    given(requested)
      .when({ ...dispatch, at: LATE })
      .thenRejected('NotDispatchable');
    const rests: Execution.Event = {
      type: 'ProviderFailed',
      data: { ...failedOnce.data, notBefore: '2026-01-01T00:00:02.000Z' },
    };
    given(requested, dispatched, rests).when(dispatch).thenRejected('NotYetDue');
    given().when(dispatch).thenRejected('NotRequested');
  });

  it('completes at once when there are no files, or after they were re-hosted', () => {
    given(requested, dispatched).when(complete(true)).then(completed);
    given(requested, dispatched).when(complete(false)).thenRejected('NotDelivered');
    given(requested, dispatched)
      .when({ type: 'RecordSuccess', attempt: 1, success, at: T1 })
      .then(delivered);
    given(requested, dispatched, delivered)
      .when({ type: 'RecordSuccess', attempt: 1, success, at: T1 })
      .thenAlreadyDone();
    given(requested, dispatched, delivered).when(complete(false)).then(completed);
    given(requested, dispatched, completed).when(complete(true)).thenAlreadyDone();
  });

  it('is completed by what its files say of its use, and says what was not kept', () => {
    const measured = { ...success, usage: { images: 1, pixels: 90 }, cost: 7n };
    const completion = { output, files: [], summary: { n: 1 }, success: measured, detail: 'why' };
    given(requested, dispatched, delivered)
      .when({ type: 'Complete', attempt: 1, completion, at: T1 })
      .then({
        type: 'ExecutionCompleted',
        data: { ...completed.data, usage: measured.usage, cost: 7n, detail: 'why' },
      });
    given(requested, dispatched, delivered)
      .when({ type: 'Fail', code: 'GENERATION_FAILED', detail: 'why', at: T1 })
      .then({
        type: failedEvent.type,
        data: { ...failedEvent.data, detail: 'why' },
      });
  });

  it('goes on after a retryable failure, and fails after any other or the last', () => {
    given(requested, dispatched).when(fail(true)).then(failedOnce);
    const forGood = { ...failedOnce.data, retryable: false } as never;
    given(requested, dispatched)
      .when(fail(false))
      .then({ type: 'ProviderFailed', data: forGood }, failedEvent);
    given(requested, dispatched).when(fail(true, 1)).then(failedOnce, failedEvent);
    given(requested, dispatched, failedOnce).when(fail(true)).thenRejected('NotThisAttempt');
  });

  it('says what exactly failed, and when to ask again', () => {
    const details = [{ field: 'prompt', code: 'too_long', message: 'It is too long.' }];
    const { failure: plain } = fail(true, 1);
    const advised = { ...plain, elsewhere: true as const, details, retryAfterSeconds: 90 };
    const told = { details, retryAfterSeconds: 90 };
    const failedSo: Execution.Event = {
      type: 'ProviderFailed',
      data: { ...failedOnce.data, elsewhere: true, details },
    };
    const over: Execution.Event = {
      type: 'ExecutionFailed',
      data: { ...failedEvent.data, ...told },
    };
    given(requested, dispatched)
      .when({ type: 'RecordFailure', attempt: 1, failure: advised, at: T1 })
      .then(failedSo, over);
    const view = [requested, dispatched, failedSo, over].reduce<ExecutionView | undefined>(
      foldExecution,
      undefined,
    );
    const { code, message, retryable } = failedEvent.data;
    const error = { code, message, retryable, retry_after: 90, details };
    expect(view?.body.error).to.deep.equal(error);
    given(requested)
      .when({ type: 'Fail', code: 'GENERATION_FAILED', ...told, at: T1 })
      .then(over);
  });

  it('asks again under the key of an unknown outcome, where that is safe', () => {
    given(requested, dispatched)
      .when(unknown({ repeatable: true }))
      .then(unknownWith({ repeatable: true }));
    given(requested, dispatched)
      .when(unknown({ repeatable: true, attemptsMax: 1 }))
      .then(unknownWith({ repeatable: true }), timedOut);
    given(requested, dispatched).when(unknown({})).then(unknownWith({}), timedOut);
    const second = { ...who, ...claim, attempt: 2 };
    for (const before of [unknownOutcome, unknownWith({ repeatable: true })]) {
      const after = given(requested, dispatched, before);
      after.when({ ...dispatch, dispatchKey: 'exec_1.2' }).thenRejected('NotDispatchable');
      after.when(dispatch).then({ type: 'ProviderDispatched', data: second });
    }
    const after = given(
      requested,
      dispatched,
      unknownOutcome,
      { type: 'ProviderDispatched', data: second },
      { type: 'ProviderFailed', data: { ...failedOnce.data, attempt: 2 } },
    );
    after.when({ ...dispatch, dispatchKey: 'exec_1.3' }).thenRejected('NotDispatchable');
    after
      .when(dispatch)
      .then({ type: 'ProviderDispatched', data: { ...who, ...claim, attempt: 3 } });
  });

  it('goes to another provider while what may be lost is within its model’s bound', () => {
    const costs = { mayHaveCost: 100n };
    const unknownOnce = unknownWith(costs);
    given(requested, dispatched)
      .when(unknown({ ...costs, unknownMaxCost: 100n }))
      .then(unknownOnce);
    for (const unknownMaxCost of [99n, 0n])
      given(requested, dispatched)
        .when(unknown({ ...costs, unknownMaxCost }))
        .then(unknownOnce, timedOut);
    given(requested, dispatched).when(unknown(costs)).then(unknownOnce, timedOut);

    const elsewhere = { ...claim, provider: 'q', route: 's', dispatchKey: 'exec_1.2' };
    const toOther: Execution.Command = { type: 'Dispatch', ...elsewhere, unknownMaxCost: 100n };
    const after = given(requested, dispatched, unknownOnce);
    const second: Execution.Event = {
      type: 'ProviderDispatched',
      data: { ...who, ...elsewhere, attempt: 2, unknownMaxCost: 100n },
    };
    after.when(toOther).then(second);
    after.when({ ...toOther, unknownMaxCost: 99n }).thenRejected('NotDispatchable');
    after.when({ ...toOther, dispatchKey: 'exec_1.1' }).thenRejected('NotDispatchable');
    after.when({ ...toOther, provider: 'p' }).thenRejected('NotDispatchable');
    after.when({ ...dispatch, unknownMaxCost: 100n }).thenRejected('NotDispatchable');

    const data = { ...onAttempt, attempt: 2, provider: 'q', route: 's', reason: 'cut' };
    given(requested, dispatched, unknownOnce, second)
      .when({ ...unknown({ ...costs, unknownMaxCost: 199n }), attempt: 2 })
      .then(
        { type: 'ProviderOutcomeUnknown', data: { ...data, repeatable: false, ...costs } },
        timedOut,
      );
  });

  it('is cancelled while it is not over', () => {
    for (const before of [[], [dispatched], [dispatched, delivered], [dispatched, failedOnce]])
      given(requested, ...before)
        .when(cancel)
        .then(cancelled);
    given(requested, cancelled).when(cancel).thenAlreadyDone();
    given(requested, dispatched, completed).when(cancel).thenRejected('AlreadyFinished');
  });

  it('expires when its time is up, unless its output is being re-hosted', () => {
    given(requested).when(expire(T1)).thenRejected('NotYetDue');
    given(requested)
      .when(expire(LATE))
      .then({ type: 'ExecutionExpired', data: { ...ending, at: LATE } });
    given(requested, dispatched, delivered).when(expire(LATE)).thenRejected('NotYetDue');
    given(requested, expired).when(expire(LATE)).thenAlreadyDone();
    given(requested, cancelled).when(expire(LATE)).thenRejected('AlreadyFinished');
  });

  it('means one thing for its hold, and nothing before it is over', () => {
    const stateOf = (...events: Execution.Event[]) =>
      events.reduce(Execution.evolve, Execution.initial());
    expect(settlementOf(stateOf(requested, dispatched), T1)).to.equal(undefined);
    expect(settlementOf(stateOf(requested, dispatched, completed), T1)).to.deep.equal({
      type: 'SettleHold',
      ...who,
      holdId,
      cost: 9n,
      at: T1,
    });
    expect(settlementOf(stateOf(requested, expired), T1)).to.deep.equal({
      type: 'ReleaseHold',
      ...who,
      holdId,
      reason: 'expired',
      at: T1,
    });
  });

  it('costs what its hold covers, wherever it shows; what is beyond is recorded', () => {
    const over = { ...success, cost: 75n };
    const clipped = { cost: 12n, ratedCost: 75n };
    const billed = { type: completed.type, data: { ...completed.data, ...clipped } };
    const sent = { type: delivered.type, data: { ...delivered.data, ...clipped } };
    const completion = { output, files: [], summary: { n: 1 } };
    given(requested, dispatched)
      .when({ type: 'Complete', attempt: 1, completion: { ...completion, success: over }, at: T1 })
      .then(billed);
    given(requested, dispatched)
      .when({ type: 'RecordSuccess', attempt: 1, success: over, at: T1 })
      .then(sent);
    const finish: Execution.Command = { type: 'Complete', attempt: 1, completion, at: T1 };
    // The first release recorded the price beyond the hold as the cost.
    const old = { type: delivered.type, data: { ...delivered.data, cost: 75n } };
    for (const before of [sent, old] as Execution.Event[])
      given(requested, dispatched, before).when(finish).then(billed);
    const oldEnd = { type: completed.type, data: { ...completed.data, cost: 75n } };
    for (const end of [billed, oldEnd] as Execution.Event[]) {
      const events = [requested, dispatched, end];
      const state = events.reduce(Execution.evolve, Execution.initial());
      expect(settlementOf(state, T1)).to.include({ type: 'SettleHold', cost: 75n });
      const view = events.reduce<ExecutionView | undefined>(foldExecution, undefined);
      expect(view?.body).to.include({ cost: '0.000012', hold_amount: '0.000012' });
    }
  });

  it('shows its owner a timeline without attempts, numbered without a gap', () => {
    const events = [requested, dispatched, failedOnce, dispatched, completed].map(
      (event, revision) => ({ ...event, revision }),
    );
    expect(timelineOf(events)).to.deep.equal([
      { sequence: 1, type: 'execution.accepted', status: 'PENDING', at: T0, revision: 0 },
      { sequence: 2, type: 'execution.started', status: 'PROCESSING', at: T1, revision: 1 },
      { sequence: 3, type: 'execution.completed', status: 'COMPLETED', at: T1, revision: 4 },
    ]);
  });

  it('reaches one terminal state on any walk of commands, and never leaves it', () => {
    fc.assert(fc.property(fc.array(anyCommand(), { maxLength: 60 }), walk), { numRuns: 500 });
  });
});

function anyCommand(): fc.Arbitrary<Execution.Command> {
  const at = fc.constantFrom(T0, T1, LATE, '2026-01-01T00:30:00.000Z');
  const attempt = fc.integer({ min: 1, max: 4 });
  const keys = fc.constantFrom('exec_1.1', 'exec_1.2', 'exec_1.3');
  const hold = fc.constantFrom<HoldId>('hold_1', 'hold_2');
  const commands: fc.Arbitrary<unknown>[] = [
    hold.map((holdOf) => ({ type: 'Request', data: request({ holdId: holdOf }) })),
    fc.tuple(keys, at).map(([dispatchKey, when]) => ({ ...dispatch, dispatchKey, at: when })),
    fc.tuple(attempt, at).map(([n, when]) => ({ ...fail(true), attempt: n, at: when })),
    fc.tuple(attempt, at).map(([n, when]) => ({
      ...unknown({ repeatable: n > 2, mayHaveCost: 10n, unknownMaxCost: 25n }),
      attempt: n,
      at: when,
    })),
    attempt.map((n) => ({ ...complete(n % 2 === 0), attempt: n })),
    attempt.map((n) => ({ type: 'RecordSuccess', attempt: n, success, at: T1 })),
    attempt.map((n) => ({ type: 'RecordAccepted', attempt: n, providerJobId: 'j', at: T1 })),
    at.map((when) => ({ type: 'Fail', code: 'MODEL_UNAVAILABLE', at: when })),
    at.map((when) => ({ type: 'Cancel', at: when })),
    at.map((when) => expire(when)),
    hold.map((of) => abandon(of)),
  ];
  return fc.oneof(...commands) as fc.Arbitrary<Execution.Command>;
}

function walk(commands: readonly Execution.Command[]): void {
  let state = Execution.initial();
  let view: ExecutionView | undefined;
  const terminal: string[] = [];
  const paid = new Set<string>();
  for (const command of commands) {
    const decision = Execution.decide(state, command);
    if (decision.kind !== 'accepted') continue;
    expect(terminal, 'nothing follows the end').to.deep.equal([]);
    for (const event of decision.events) {
      state = Execution.evolve(state, event);
      view = foldExecution(view, event);
      if (view && isOver(view.body.status)) terminal.push(event.type);
      if (event.type === 'ProviderSucceeded') paid.add(event.type);
    }
    expect(terminal.length).to.be.at.most(1);
    expect(paid.size).to.be.at.most(1);
    if (view) expect(view.body.status).to.equal(publicStatus(state));
    expect(settlementOf(state, T1) !== undefined).to.equal(terminal.length === 1);
  }
}

function publicStatus(state: Execution.State): string | undefined {
  if (state.status === 'awaitingWebhook') return 'AWAITING_WEBHOOK';
  if (state.status === 'delivered') return 'PROCESSING';
  return state.status.toUpperCase();
}
