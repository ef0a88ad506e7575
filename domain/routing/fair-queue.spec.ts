import { expect } from 'chai';
import fc from 'fast-check';
import { createFairQueue, type FairQueue } from './fair-queue.js';

interface Entry {
  readonly party: string;
  readonly n: number;
}

const drain = <E>(queue: FairQueue<string, E>): E[] => {
  const all: E[] = [];
  for (let entry = queue.next(); entry !== undefined; entry = queue.next()) all.push(entry);
  return all;
};

const filled = (parties: readonly string[], weightOf: (party: string) => number = () => 1) => {
  const queue = createFairQueue<string, Entry>(weightOf);
  parties.forEach((party, n) => queue.push(party, String(n), { party, n }));
  return queue;
};

const manyParties = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 600 });

describe('the fair queue', () => {
  it('passes parties over, who keep their turn', () => {
    const queue = createFairQueue<string, string>(() => 1);
    for (const [party, id] of [
      ['a', 'a1'],
      ['b', 'b1'],
      ['a', 'a2'],
    ] as const)
      queue.push(party, id, id);
    expect(queue.next((party) => party === 'a')).to.equal('b1');
    expect(queue.next((party) => party === 'a')).to.equal(undefined);
    expect(queue.next()).to.equal('a1');
    expect(queue.size).to.equal(1);
  });

  it('takes parties in turn, however much one of them waits for', () => {
    const queue = filled(['a', 'a', 'a', 'a', 'b', 'b', 'c']);
    expect(drain(queue).map(({ party }) => party)).to.deep.equal([
      'a',
      'b',
      'c',
      'a',
      'b',
      'a',
      'a',
    ]);
    expect(queue.size).to.equal(0);
    expect(queue.next()).to.equal(undefined);
  });

  it('takes each party as often in a round as its weight', () => {
    const queue = filled(['a', 'a', 'a', 'a', 'b', 'b', 'b', 'b'], (party) =>
      party === 'a' ? 3 : 0.5,
    );
    expect(
      drain(queue)
        .map(({ party }) => party)
        .join(''),
    ).to.equal('aaababbb');
  });

  it('keeps the order of a party, and loses and repeats nothing', () => {
    fc.assert(
      fc.property(manyParties, fc.integer({ min: 1, max: 5 }), (parties, weight) => {
        const all = drain(filled(parties, (party) => (party === 'a' ? weight : 1)));
        for (const own of new Set(parties)) {
          const expected = parties.flatMap((party, n) => (party === own ? [n] : []));
          const taken = all.filter(({ party }) => party === own).map(({ n }) => n);
          expect(taken).to.deep.equal(expected);
        }
        expect(all).to.have.length(parties.length);
      }),
    );
  });

  it('serves whoever waits within one round of the others’ weights', () => {
    fc.assert(
      fc.property(manyParties, fc.integer({ min: 1, max: 5 }), (parties, weight) => {
        const weightOf = (party: string) => (party === 'a' ? weight : 1);
        const all = drain(filled(parties, weightOf)).map(({ party }) => party);
        const others = [...new Set(parties)];
        for (const own of others) {
          const roundMax = others.reduce((sum, party) => sum + weightOf(party), 0);
          const turns = all.flatMap((party, index) => (party === own ? [index] : []));
          turns.reduce((before, turn) => {
            expect(turn - before).to.be.at.most(roundMax);
            return turn;
          }, -1);
        }
      }),
    );
  });

  it('puts back what could not be served before the others of its party', () => {
    const queue = filled(['a', 'a', 'b', 'a']);
    const first = queue.next();
    expect(first).to.deep.equal({ party: 'a', n: 0 });
    if (first) queue.putBack('a', '0', first);
    expect(drain(queue).map(({ n }) => n)).to.deep.equal([2, 0, 1, 3]);
    if (first) queue.putBack('a', '0', first);
    expect(queue.sizeOf('a')).to.equal(1);
    expect(queue.next()).to.equal(first);
  });

  it('takes one out of its turn, or all of a party', () => {
    const queue = filled(['a', 'b', 'a', 'b', 'c', 'a']);
    expect(queue.remove('2')).to.deep.equal({ party: 'a', n: 2 });
    expect(queue.remove('2')).to.equal(undefined);
    expect(queue.remove('4')).to.deep.equal({ party: 'c', n: 4 });
    expect(queue.removeAll('b').map(({ n }) => n)).to.deep.equal([1, 3]);
    expect(queue.removeAll('b')).to.deep.equal([]);
    expect([...queue.entries()].map(({ n }) => n)).to.deep.equal([0, 5]);
    expect([queue.sizeOf('a'), queue.sizeOf('b')]).to.deep.equal([2, 0]);
    expect(drain(queue).map(({ n }) => n)).to.deep.equal([0, 5]);
  });

  it('refuses an id that waits already', () => {
    const queue = filled(['a']);
    expect(() => queue.push('b', '0', { party: 'b', n: 0 })).to.throw('waits already');
  });
});
