import { expect } from 'chai';
import { inSequence, stepOf } from './store-steps.js';

describe('steps of the store', () => {
  it('an append is of the step whose events it brings, whoever makes it', () => {
    const stack = 'at settle (/x/processors/settle-execution/settle-execution.js:1:1)';
    expect(stepOf('append', ['HoldPlaced'], stack)).to.equal('submit');
    expect(stepOf('append', ['HoldSettled', 'HoldPlaced'], '')).to.equal('submit');
    expect(stepOf('append', ['HoldReleased'], '')).to.equal('settle');
    expect(stepOf('append', ['ProviderDispatched'], '')).to.equal('dispatch');
    expect(stepOf('append', ['ExecutionCompleted'], '')).to.equal('complete');
    expect(stepOf('append', ['DeliveryScheduled'], '')).to.equal('webhook');
  });

  it('a read is of the code that asks for it, and a payload of what it is', () => {
    const stack = 'at settle (/x/processors/settle-execution/settle-execution.js:1:1)';
    expect(stepOf('stream', ['execution-1'], stack)).to.equal('settle');
    expect(stepOf('stream', ['execution-1'], '')).to.equal('other');
    expect(stepOf('payloads', ['2026/exec_1/input/x'], '')).to.equal('submit');
    expect(stepOf('payloads', ['2026/exec_1/output/1'], '')).to.equal('complete');
  });

  it('calls side by side count once, and those that wait for one another each', () => {
    const call = (fromMs: number, toMs: number) => ({ fromMs, toMs });
    expect(inSequence([])).to.equal(0);
    expect(inSequence([call(0, 5), call(1, 4), call(2, 6)])).to.equal(1);
    expect(inSequence([call(0, 2), call(2, 4), call(1, 5), call(4, 9)])).to.equal(3);
  });
});
