import { expect } from 'chai';
import { createGate } from './gate.js';

describe('a gate', () => {
  const entering = async (gate: ReturnType<typeof createGate>, bytes: number, told: number[]) => {
    if (await gate.enter(bytes, Infinity)) told.push(bytes);
  };
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  it('lets so many in, and the next when one has left, in their order', async () => {
    const gate = createGate(2, 100);
    const told: number[] = [];
    for (const bytes of [1, 2, 3, 4]) void entering(gate, bytes, told);
    await turn();
    expect([told, gate.underWay]).to.deep.equal([[1, 2], 2]);
    gate.leave(1);
    await turn();
    expect(told).to.deep.equal([1, 2, 3]);
    gate.leave(2);
    gate.leave(3);
    await turn();
    expect([told, gate.underWay]).to.deep.equal([[1, 2, 3, 4], 1]);
  });

  it('lets so much in; what is larger passes alone, and nobody overtakes it', async () => {
    const gate = createGate(10, 100);
    const told: number[] = [];
    for (const bytes of [60, 500, 1]) void entering(gate, bytes, told);
    await turn();
    expect(told).to.deep.equal([60]);
    gate.leave(60);
    await turn();
    expect(told).to.deep.equal([60, 500]);
    gate.leave(500);
    await turn();
    expect(told).to.deep.equal([60, 500, 1]);
  });

  it('turns away whose deadline has come, and lets in who waits behind', async () => {
    const gate = createGate(10, 100);
    await gate.enter(60, Infinity);
    const late = gate.enter(500, performance.now());
    const behind = gate.enter(30, Infinity);
    expect([await late, await behind, gate.underWay]).to.deep.equal([false, true, 2]);
  });
});
