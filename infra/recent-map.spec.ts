import { expect } from 'chai';
import { openRecentMap } from './recent-map.js';

describe('a recent map', () => {
  it('answers what was set last, and forgets what was deleted', () => {
    const map = openRecentMap<string, number>({ costMax: 100, entriesMax: 100 });
    map.set('a', 1, 1);
    map.set('a', 2, 1);
    map.set('b', 3, 1);
    expect([map.get('a'), map.get('b'), map.get('c')]).to.deep.equal([2, 3, undefined]);
    map.delete('a');
    expect(map.get('a')).to.equal(undefined);
  });

  it('keeps at most its entries, the newest half for sure', () => {
    const map = openRecentMap<number, number>({ costMax: Infinity, entriesMax: 10 });
    for (let key = 0; key < 1_000; key++) map.set(key, key, 1);
    const kept = [...Array(1_000).keys()].filter((key) => map.get(key) !== undefined);
    expect(kept.length).to.be.within(5, 11);
    expect(kept.slice(-5)).to.deep.equal([995, 996, 997, 998, 999]);
  });

  it('keeps at most its cost', () => {
    const map = openRecentMap<number, number>({ costMax: 100, entriesMax: Infinity });
    for (let key = 0; key < 50; key++) map.set(key, key, 10);
    const kept = [...Array(50).keys()].filter((key) => map.get(key) !== undefined);
    expect(kept.length).to.be.within(5, 12);
  });

  it('drops what is older than its age, also after a pause', () => {
    let nowMs = 0;
    const clock = () => nowMs;
    const map = openRecentMap<string, number>({
      costMax: 100,
      entriesMax: 100,
      ageMaxMs: 1_000,
      clock,
    });
    map.set('a', 1, 1);
    nowMs = 499;
    expect(map.get('a')).to.equal(1);
    nowMs = 999;
    expect(map.get('a')).to.equal(1);
    map.set('b', 2, 1);
    nowMs = 1_500;
    expect([map.get('a'), map.get('b')]).to.deep.equal([undefined, 2]);
    nowMs = 10_000;
    expect(map.get('b')).to.equal(undefined);
  });
});
