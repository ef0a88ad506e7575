import { expect } from 'chai';
import { openOwnTurns } from './one-a-turn.js';

describe('one a turn', () => {
  it('lets others in between, in order', async () => {
    const ownTurn = openOwnTurns();
    const done: string[] = [];
    const others = () => void setImmediate(() => done.push('other'));
    const large = async (name: string) => {
      await ownTurn('one');
      done.push(name);
      others();
    };
    await Promise.all(['a', 'b', 'c'].map(large));
    expect(done).to.deep.equal(['a', 'other', 'b', 'other', 'c']);
  });

  it('gives each sender its turn', async () => {
    const ownTurn = openOwnTurns();
    const done: string[] = [];
    const large = async (name: string) => {
      await ownTurn(name.slice(0, 1));
      done.push(name);
    };
    await Promise.all(['a1', 'a2', 'a3', 'b1', 'b2', 'c1'].map(large));
    expect(done).to.deep.equal(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
  });

  it('leaves them twice the time that each took, and not more than 60 ms', async () => {
    let nowMs = 0;
    const pauses: number[] = [];
    const pause = async (ms: number) => {
      pauses.push(ms);
      nowMs += ms;
    };
    const ownTurn = openOwnTurns({ nowMs: () => nowMs, usedMs: () => nowMs, pause });
    const large = async (ms: number) => {
      await ownTurn('one');
      nowMs += ms;
    };
    await Promise.all([10, 0.125, 25, 40, 0].map(large));
    expect(pauses).to.deep.equal([20, 50, 60]);
    await new Promise((resolve) => setImmediate(resolve));
    nowMs += 1_000;
    await large(1);
    expect(pauses).to.have.length(3);
  });
});
