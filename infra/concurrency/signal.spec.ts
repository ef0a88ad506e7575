import { expect } from 'chai';
import { createSignal } from './signal.js';

describe('signal', () => {
  const turn = () => new Promise((resolve) => setImmediate(resolve, 'waits'));

  it('ends the wait', async () => {
    const signal = createSignal();
    const waiting = signal.wait();
    signal.notify();
    await waiting;
  });

  it('keeps one notification for the next wait', async () => {
    const signal = createSignal();
    signal.notify();
    signal.notify();
    await signal.wait();
    const ended = await Promise.race([signal.wait().then(() => 'ended'), turn()]);
    expect(ended).to.equal('waits');
  });

  it('ends the wait when the time is over', async () => {
    await createSignal().wait(1);
  });
});
