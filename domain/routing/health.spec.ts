import { expect } from 'chai';
import { callEnded, callStarted, endingOf, endingOfRoute, unknownHealth } from './health.js';
import { closedCircuit } from './breaker.js';

const caller = { organization: 'x', execution: 'e' };
const settings = { failuresToOpen: 2, successesToClose: 1, openMs: 1_000, halfOpenProbes: 1 };

describe('routing: health', () => {
  it('counts calls under way', () => {
    const started = callStarted(callStarted(unknownHealth, settings, 0, 'x'), settings, 0, 'x');
    expect(started).to.deep.equal({ circuit: closedCircuit, inFlight: 2 });
    const report = { ending: 'succeeded', epoch: 0 } as const;
    const one = callEnded(started, report, settings, 100, caller);
    expect(one).to.deep.equal({ circuit: closedCircuit, inFlight: 1 });
    const two = callEnded(one, report, settings, 200, caller);
    expect(two).to.deep.equal({ circuit: closedCircuit, inFlight: 0 });
  });

  it('counts a failure against its circuit', () => {
    const started = callStarted(unknownHealth, settings, 0, 'x');
    const ended = callEnded(started, { ending: 'failed', epoch: 0 }, settings, 1, caller);
    expect(ended).to.deep.equal({
      circuit: { ...closedCircuit, failures: [caller] },
      inFlight: 0,
    });
  });

  it('names how a call ended', () => {
    const failed = (
      code: 'MODEL_OVERLOADED' | 'INPUT_VALIDATION_ERROR',
      countsAsFailure: boolean,
    ) => endingOf({ kind: 'failed', code, countsAsFailure });
    expect(endingOf({ kind: 'succeeded' })).to.equal('succeeded');
    expect(endingOf({ kind: 'unknown' })).to.equal('failed');
    expect(failed('MODEL_OVERLOADED', true)).to.equal('failed');
    expect(failed('MODEL_OVERLOADED', false)).to.equal('throttled');
    expect(failed('INPUT_VALIDATION_ERROR', false)).to.equal('neutral');
    const refused = { code: 'MODEL_UNAVAILABLE', countsAsFailure: false, elsewhere: true } as const;
    expect(endingOf({ kind: 'failed', ...refused })).to.equal('refused');
    for (const code of ['INPUT_VALIDATION_ERROR', 'GENERATION_FAILED'] as const)
      expect(endingOf({ kind: 'failed', ...refused, code }), 'of one caller').to.equal('neutral');
  });

  it('counts a refusal against the route, and not against the provider', () => {
    const started = callStarted(unknownHealth, settings, 0, 'x');
    const report = { ending: 'refused', epoch: 0 } as const;
    expect(callEnded(started, report, settings, 1, caller)).to.deep.equal(unknownHealth);
    expect(endingOfRoute('refused')).to.equal('failed');
    expect(endingOfRoute('failed')).to.equal('neutral');
    expect(endingOfRoute('succeeded')).to.equal('succeeded');
  });
});
