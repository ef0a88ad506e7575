import { expect } from 'chai';
import { UndoableMap } from './undoable-map.js';

describe('UndoableMap', () => {
  const entries = (): [number, string][] => [0, 1, 2, 3].map((n) => [n, `${n}`]);

  it('is as it was noted, with what was deleted first in front', () => {
    const map = new UndoableMap(entries());
    map.note();
    map.set(9, 'new').set(3, 'other').set(3, 'another');
    map.delete(0);
    map.delete(1);
    map.delete(9);
    map.undo();
    expect([...map]).to.deep.equal(entries());
  });

  it('lets stand what came before the last note', () => {
    const map = new UndoableMap(entries());
    map.note();
    map.delete(0);
    map.note();
    map.set(0, 'back');
    map.undo();
    expect([...map]).to.deep.equal(entries().slice(1));
  });
});
