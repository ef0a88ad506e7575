import { expect } from 'chai';
import fc from 'fast-check';
import type { Breaker } from '../../contracts/catalogue/catalogue.js';
import { admissionOf, closedCircuit, dispatched, reported, restsAt } from './breaker.js';
import type { Circuit, Ending } from './breaker.js';

const settings: Breaker = {
  failuresToOpen: 3,
  successesToClose: 2,
  openMs: 1_000,
  halfOpenProbes: 2,
};

type Step = Ending | { dispatchAt: number } | { late: Ending; epoch: number };

/** Steps without a time of their own happen at 0. */
function after(steps: readonly Step[], from: Circuit = closedCircuit): Circuit {
  let circuit = from;
  for (const step of steps) {
    if (typeof step === 'string')
      circuit = reported(circuit, { ending: step, epoch: circuit.epoch }, settings, 0);
    else if ('late' in step)
      circuit = reported(circuit, { ending: step.late, epoch: step.epoch }, settings, 0);
    else circuit = dispatched(circuit, settings, step.dispatchAt);
  }
  return circuit;
}

const calm = { throttles: 0, throttledUntilMs: 0 };
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
    expect(after(['failed', 'failed'])).to.deep.equal({ ...closedCircuit, failures: 2 });
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
    const again = reported(halfOpen, { ending: 'failed', epoch: 2 }, settings, 1_500);
    expect(again).to.deep.equal({ ...calm, status: 'open', untilMs: 2_500, epoch: 3 });
  });

  it('given probes that never report, lets others through after the open time', () => {
    const full = after([{ dispatchAt: 1_000 }, { dispatchAt: 2_000 }], halfOpen);
    const renewed = { status: 'half-open', sinceMs: 2_000, probes: 1, successes: 0, epoch: 3 };
    expect(full).to.deep.equal({ ...calm, ...renewed });
    expect(after([{ late: 'failed', epoch: 2 }], full)).to.deep.equal(full);
  });
});

describe('routing: breaker and 429', () => {
  const throttled = (circuit: Circuit, nowMs: number, retryAfterMs?: number) =>
    reported(
      circuit,
      { ending: 'throttled', epoch: circuit.epoch, ...(retryAfterMs && { retryAfterMs }) },
      settings,
      nowMs,
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
        const calls: number[] = [];
        for (const move of walk) {
          const before = circuit.status;
          if (move.kind === 'tick') nowMs += move.ms;
          if (move.kind === 'call' && admissionOf(circuit, settings, nowMs).admitted) {
            circuit = dispatched(circuit, settings, nowMs);
            calls.push(circuit.epoch);
          }
          const epoch = move.kind === 'end' ? calls.shift() : undefined;
          if (move.kind === 'end' && epoch !== undefined)
            circuit = reported(circuit, { ending: move.ending, epoch }, settings, nowMs);
          expect(followers[before]).to.include(circuit.status);
          if (circuit.status === 'half-open') expect(circuit.probes).to.be.within(0, 2);
          if (circuit.status === 'closed') expect(circuit.failures).to.be.within(0, 2);
          expect(admissionOf(circuit, settings, nowMs + 60_001)).to.deep.equal({ admitted: true });
        }
      }),
    );
  });
});
