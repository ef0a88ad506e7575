import { expect } from 'chai';
import { TransactionalMap } from './transactional-map.js';

describe('TransactionalMap', () => {
  const entries = (): [number, string][] => [0, 1, 2, 3].map((n) => [n, `${n}`]);

  it('is rolled back to its beginning, with what was deleted first in front', () => {
    const map = new TransactionalMap(entries(), true);
    map.begin();
    map.set(9, 'new').set(3, 'other').set(3, 'another');
    map.delete(0);
    map.delete(1);
    map.delete(9);
    map.rollback();
    expect([...map]).to.deep.equal(entries());
  });

  it('is rolled back in any order where that does not matter', () => {
    const map = new TransactionalMap(entries());
    map.begin();
    map.delete(0);
    map.set(9, 'new');
    map.rollback();
    expect([...map].sort()).to.deep.equal(entries());
  });

  it('keeps what came before the last beginning', () => {
    const map = new TransactionalMap(entries(), true);
    map.begin();
    map.delete(0);
    map.begin();
    map.set(0, 'back');
    map.rollback();
    expect([...map]).to.deep.equal(entries().slice(1));
  });

  it('keeps what was committed', () => {
    const map = new TransactionalMap(entries(), true);
    map.begin();
    map.delete(0);
    map.commit();
    map.set(9, 'new');
    map.rollback();
    expect([...map]).to.deep.equal([...entries().slice(1), [9, 'new']]);
  });
});
