import { expect } from 'chai';
import fc from 'fast-check';
import type { Breaker } from '../../contracts/catalogue/catalogue.js';
import {
  admissionOf,
  closedCircuit,
  closedElsewhere,
  dispatched,
  openedElsewhere,
  reported,
  restsAt,
} from './breaker.js';
import type { Circuit, Ending } from './breaker.js';
import type { Caller } from './suspicion.js';

const settings: Breaker = {
  failuresToOpen: 3,
  successesToClose: 2,
  openMs: 1_000,
  halfOpenProbes: 2,
};

type Step =
  | Ending
  | { dispatchAt: number; by?: string }
  | { late: Ending; epoch: number }
  | { failed: string; by: string }
  | { succeeded: string };

/** Steps without a time of their own happen at 0, each of another organization and execution. */
function after(steps: readonly Step[], from: Circuit = closedCircuit): Circuit {
  let circuit = from;
  for (const [n, step] of steps.entries()) {
    const { epoch } = circuit;
    const report = (ending: Ending, caller: Caller = stranger(n), of = epoch) =>
      reported(circuit, { ending, epoch: of }, settings, 0, caller);
    if (typeof step === 'string') circuit = report(step);
    else if ('late' in step) circuit = report(step.late, stranger(n), step.epoch);
    else if ('failed' in step)
      circuit = report('failed', { organization: step.by, execution: step.failed });
    else if ('succeeded' in step)
      circuit = report('succeeded', { organization: step.succeeded, execution: 'good' });
    else circuit = dispatched(circuit, settings, step.dispatchAt, step.by ?? 'x');
  }
  return circuit;
}

const stranger = (n: number): Caller => ({ organization: `org ${n}`, execution: `${n}` });

const calm = { throttles: 0, throttledUntilMs: 0, failures: [] };
const open = after(['failed', 'failed', 'failed']);
const halfOpen = after([{ dispatchAt: 1_000 }], open);

describe('routing: whether a provider rests', () => {
  it('rests until it has shown that it is back', () => {
    expect(restsAt(closedCircuit, 0)).to.equal(false);
    expect(restsAt(open, 10_000)).to.equal(true);
    expect(restsAt(halfOpen, 10_000)).to.equal(true);
    const throttled = after(['throttled']);
    expect(restsAt(throttled, 1_500)).to.equal(true);
    expect(restsAt(throttled, throttled.throttledUntilMs + 5_000)).to.equal(false);
    expect(restsAt(after(['throttled', 'succeeded']), 0)).to.equal(false);
  });
});

describe('routing: breaker', () => {
  it('given failures below the threshold, stays closed, and a success forgets them', () => {
    expect(after(['failed', 'failed'])).to.deep.equal({
      ...closedCircuit,
      failures: [stranger(0), stranger(1)],
    });
    expect(after(['failed', 'failed', 'succeeded', 'failed', 'failed']).status).to.equal('closed');
    expect(after(['failed', 'neutral', 'failed', 'neutral', 'failed']).status).to.equal('open');
  });

  it('given as many failures as the threshold, opens for its time', () => {
    expect(open).to.deep.equal({ ...calm, status: 'open', untilMs: 1_000, epoch: 1 });
    const refused = { admitted: false, reason: 'breaker_open', untilMs: 1_000 };
    expect(admissionOf(open, settings, 999)).to.deep.equal(refused);
    expect(admissionOf(open, settings, 1_000)).to.deep.equal({ admitted: true });
  });

  it('given an open circuit, ignores what still comes in from before', () => {
    expect(after([{ late: 'failed', epoch: 0 }], open)).to.deep.equal(open);
    expect(after([{ late: 'succeeded', epoch: 0 }], open)).to.deep.equal(open);
  });

  it('when its time is over and a call leaves, is half-open with that probe', () => {
    const probing = { status: 'half-open', sinceMs: 1_000, probes: 1, successes: 0, epoch: 2 };
    expect(halfOpen).to.deep.equal({ ...calm, ...probing });
    expect(admissionOf(halfOpen, settings, 1_001)).to.deep.equal({ admitted: true });
  });

  it('given all probes under way, admits no other until one ends', () => {
    const full = after([{ dispatchAt: 1_001 }], halfOpen);
    const refused = { admitted: false, reason: 'breaker_probing', untilMs: 2_000 };
    expect(admissionOf(full, settings, 1_001)).to.deep.equal(refused);
    expect(admissionOf(after(['neutral'], full), settings, 1_001)).to.deep.equal({
      admitted: true,
    });
  });

  it('given enough successful probes, closes', () => {
    const closed = { ...closedCircuit, epoch: 3 };
    expect(after(['succeeded', { dispatchAt: 1_100 }, 'succeeded'], halfOpen)).to.deep.equal(
      closed,
    );
  });

  it('given one failed probe, opens again for its whole time', () => {
    const again = reported(halfOpen, { ending: 'failed', epoch: 2 }, settings, 1_500, stranger(9));
    expect(again).to.deep.equal({ ...calm, status: 'open', untilMs: 2_500, epoch: 3 });
  });

  it('given probes that never report, lets others through after the open time', () => {
    const full = after([{ dispatchAt: 1_000 }, { dispatchAt: 2_000 }], halfOpen);
    const renewed = { status: 'half-open', sinceMs: 2_000, probes: 1, successes: 0, epoch: 3 };
    expect(full).to.deep.equal({ ...calm, ...renewed });
    expect(after([{ late: 'failed', epoch: 2 }], full)).to.deep.equal(full);
  });
});

describe('routing: whose failures open a circuit', () => {
  const ofOne = (n: number) => ({ failed: `poison ${n}`, by: 'x' });
  const onlyX = after([ofOne(1), ofOne(2), ofOne(3)]);

  it('given many failures of one execution, counts one', () => {
    const again = { failed: 'poison', by: 'x' };
    expect(after([again, again, again, again, 'failed']).failures).to.have.length(2);
  });

  it('given failures of one organization, rests for it and for nobody else', () => {
    const refused = { admitted: false, reason: 'breaker_open', untilMs: 1_000 };
    expect(onlyX).to.include({ status: 'open', only: 'x', untilMs: 1_000 });
    expect(admissionOf(onlyX, settings, 0, 'x')).to.deep.equal(refused);
    expect(admissionOf(onlyX, settings, 0, 'y')).to.deep.equal({ admitted: true });
    const probing = dispatched(onlyX, settings, 1_000, 'x');
    expect(probing).to.include({ status: 'half-open', probes: 1, only: 'x' });
    expect(dispatched(probing, settings, 1_000, 'y')).to.equal(probing);
    expect(admissionOf(probing, settings, 1_000, 'y')).to.deep.equal({ admitted: true });
  });

  it('given one more of another organization, opens for all', () => {
    expect(after([ofOne(1), ofOne(2), 'failed']))
      .to.include({ status: 'open' })
      .and.not.have.property('only');
    const wider = after(['failed'], onlyX);
    expect(wider).to.include({ status: 'open' }).and.not.have.property('only');
  });

  it('given successes of others, stays closed to the one, and open to them', () => {
    const shown = after([{ succeeded: 'y' }, 'failed', 'neutral'], onlyX);
    expect(shown).to.include({ status: 'open', only: 'x' });
    expect(after(['failed', 'failed', 'failed'], shown))
      .to.include({ status: 'open' })
      .and.not.have.property('only');
  });

  it('closes when the one it rests for succeeds again, and rests on when it does not', () => {
    const probes = { dispatchAt: 1_000, by: 'x' };
    const again = [probes, { succeeded: 'x' }, { dispatchAt: 1_100, by: 'x' }, { succeeded: 'x' }];
    expect(after(again, onlyX).status).to.equal('closed');
    const failed = after([probes, ofOne(4)], onlyX);
    expect(failed).to.include({ status: 'open', only: 'x' });
  });

  it('learns what others found, and what is wider', () => {
    const learned = openedElsewhere(closedCircuit, 700, 'x');
    expect(learned).to.include({ status: 'open', only: 'x', untilMs: 700 });
    expect(openedElsewhere(learned, 900, 'y')).to.equal(learned);
    expect(openedElsewhere(learned, 900))
      .to.include({ untilMs: 900 })
      .and.not.have.property('only');
    expect(openedElsewhere(open, 9_000)).to.equal(open);
    expect(closedElsewhere(learned).status).to.equal('closed');
    expect(closedElsewhere(closedCircuit)).to.equal(closedCircuit);
  });
});

describe('routing: breaker and 429', () => {
  const throttled = (circuit: Circuit, nowMs: number, retryAfterMs?: number) =>
    reported(
      circuit,
      { ending: 'throttled', epoch: circuit.epoch, ...(retryAfterMs && { retryAfterMs }) },
      settings,
      nowMs,
      stranger(0),
    );

  it('rests the provider without opening, longer each time', () => {
    const once = throttled(closedCircuit, 0);
    expect(once).to.deep.equal({ ...closedCircuit, throttles: 1, throttledUntilMs: 1_000 });
    const refused = { admitted: false, reason: 'throttled', untilMs: 1_000 };
    expect(admissionOf(once, settings, 999)).to.deep.equal(refused);
    expect(admissionOf(once, settings, 1_000)).to.deep.equal({ admitted: true });
    expect(throttled(once, 1_000).throttledUntilMs).to.equal(3_000);
    expect(throttled(throttled(once, 1_000), 3_000).status).to.equal('closed');
    expect(after(['succeeded'], once).throttles).to.equal(0);
  });

  it('rests as long as it was asked to, at most an hour', () => {
    expect(throttled(closedCircuit, 0, 5_000).throttledUntilMs).to.equal(5_000);
    expect(throttled(closedCircuit, 0, 1e12).throttledUntilMs).to.equal(3_600_000);
  });

  it('gives a probe back without a verdict', () => {
    expect(throttled(halfOpen, 1_000)).to.include({ status: 'half-open', probes: 0, successes: 0 });
  });
});

describe('routing: breaker, random walks', () => {
  type Move = { kind: 'tick'; ms: number } | { kind: 'call' } | { kind: 'end'; ending: Ending };
  const moves = fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant('tick' as const), ms: fc.nat({ max: 700 }) }),
      fc.record({ kind: fc.constant('call' as const) }),
      fc.record({
        kind: fc.constant('end' as const),
        ending: fc.constantFrom<Ending>('succeeded', 'failed', 'throttled', 'neutral'),
      }),
    ) satisfies fc.Arbitrary<Move>,
    { maxLength: 200 },
  );

  it('keeps its bounds and its order, and never stays shut for ever', () => {
    const followers: Record<Circuit['status'], readonly string[]> = {
      closed: ['closed', 'open'],
      open: ['open', 'half-open'],
      'half-open': ['half-open', 'open', 'closed'],
    };
    fc.assert(
      fc.property(moves, (walk) => {
        let circuit: Circuit = closedCircuit;
        let nowMs = 0;
        const calls: { epoch: number; caller: Caller }[] = [];
        for (const [n, move] of walk.entries()) {
          const caller = { organization: n % 3 === 0 ? 'y' : 'x', execution: `${n}` };
          const { organization } = caller;
          const before = circuit.status;
          if (move.kind === 'tick') nowMs += move.ms;
          const isCalled = admissionOf(circuit, settings, nowMs, organization).admitted;
          if (move.kind === 'call' && isCalled) {
            circuit = dispatched(circuit, settings, nowMs, organization);
            calls.push({ epoch: circuit.epoch, caller });
          }
          const call = move.kind === 'end' ? calls.shift() : undefined;
          if (move.kind === 'end' && call) {
            const report = { ending: move.ending, epoch: call.epoch };
            circuit = reported(circuit, report, settings, nowMs, call.caller);
          }
          expect(followers[before]).to.include(circuit.status);
          if (circuit.status === 'half-open') expect(circuit.probes).to.be.within(0, 2);
          if (circuit.status === 'closed') expect(circuit.failures.length).to.be.within(0, 2);
          expect(admissionOf(circuit, settings, nowMs + 60_001)).to.deep.equal({ admitted: true });
        }
      }),
    );
  });
});
