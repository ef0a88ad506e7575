import { expect } from 'chai';
import { openOwnTurns } from './one-a-turn.js';

describe('one a turn', () => {
  it('lets others in between, in order', async () => {
    const ownTurn = openOwnTurns();
    const done: string[] = [];
    const others = () => void setImmediate(() => done.push('other'));
    const large = async (name: string) => {
      await ownTurn();
      done.push(name);
      others();
    };
    await Promise.all(['a', 'b', 'c'].map(large));
    expect(done).to.deep.equal(['a', 'other', 'b', 'other', 'c']);
  });
});
