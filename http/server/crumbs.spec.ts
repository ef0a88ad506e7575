import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { expect } from 'chai';
import { endOfCrumbs, isCrumbled, openApart } from './crumbs.js';

describe('a body in crumbs', () => {
  it('is one of more than 2,048 pieces, and of fewer than 64 bytes a piece beyond them', () => {
    expect(isCrumbled(2_048, 2_048)).to.equal(false);
    expect(isCrumbled(2_048 + 33, 2_048 + 33)).to.equal(true);
    expect(isCrumbled(18_432, 1024 * 1024)).to.equal(false);
    expect(isCrumbled(18_433, 1024 * 1024)).to.equal(true);
  });

  it('is not read any further', async () => {
    const incoming = new IncomingMessage(new Socket());
    let pieces = 0;
    incoming.on('data', () => (pieces += 1));
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    incoming.push(' ');
    await turn();
    const ended = endOfCrumbs(incoming);
    const more = Array.from({ length: 10_000 }, () => incoming.push(' '));
    await turn();
    expect([pieces, incoming.readableLength]).to.deep.equal([1, 0]);
    expect(more).not.to.include(true);
    await ended;
  });

  it('is ended after those before it, and one at a time', async () => {
    const apart = openApart(5, 1_000);
    const done: number[] = [];
    let turns = 0;
    const turnOf: number[] = [];
    const counting = setInterval(() => (turns += 1), 0);
    const end = async (n: number) => {
      await apart();
      done.push(n);
      turnOf.push(turns);
    };
    await Promise.all([1, 2, 3, 4].map(end));
    clearInterval(counting);
    expect(done).to.deep.equal([1, 2, 3, 4]);
    expect(new Set(turnOf).size).to.equal(4);
  });

  it('waits shorter where many do', async () => {
    const sinceMs = performance.now();
    const apart = openApart(60_000, 100);
    await Promise.all(Array.from({ length: 50 }, () => apart()));
    expect(performance.now() - sinceMs).to.be.below(30_000);
  });
});
