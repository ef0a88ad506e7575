import { expect } from 'chai';
import { openHostLanes } from './host-lanes.js';

describe('lanes of hosts', () => {
  it('let so many in at once, and the next when one leaves, in order', async () => {
    const lanes = openHostLanes(2, 10);
    expect([lanes.enter('a'), lanes.enter('a')]).to.deep.equal([true, true]);
    const entered: number[] = [];
    const waiting = [1, 2].map(async (n) => {
      if (await lanes.enter('a')) entered.push(n);
    });
    await Promise.resolve();
    expect(entered).to.deep.equal([]);
    lanes.leave('a');
    await waiting[0];
    expect(entered).to.deep.equal([1]);
    lanes.leave('a');
    await waiting[1];
    expect(entered).to.deep.equal([1, 2]);
  });

  it('are each for one host', () => {
    const lanes = openHostLanes(1, 10);
    expect(lanes.enter('a')).to.equal(true);
    expect(lanes.enter('b')).to.equal(true);
    expect(lanes.enter('a')).to.be.instanceOf(Promise);
  });

  it('turn away who finds the line full', () => {
    const lanes = openHostLanes(1, 1);
    expect(lanes.enter('a')).to.equal(true);
    expect(lanes.enter('a')).to.be.instanceOf(Promise);
    expect(lanes.enter('a')).to.equal(false);
    expect(lanes.enter('b')).to.equal(true);
  });

  it('can be entered anew when all have left', () => {
    const lanes = openHostLanes(1, 1);
    for (let times = 0; times < 3; times += 1) {
      expect(lanes.enter('a')).to.equal(true);
      lanes.leave('a');
    }
  });

  it('turn away everybody when they close', async () => {
    const lanes = openHostLanes(1, 5);
    expect(lanes.enter('a')).to.equal(true);
    const waiting = [1, 2].map(async () => lanes.enter('a'));
    lanes.close();
    expect(await Promise.all(waiting)).to.deep.equal([false, false]);
    expect(lanes.enter('b')).to.equal(false);
    lanes.leave('a');
  });
});
