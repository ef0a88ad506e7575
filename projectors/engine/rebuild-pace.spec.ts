import { expect } from 'chai';
import { fullPace, openPaceBeside } from './rebuild-pace.js';

const TOOK_MS = 10;

/** How long each of so many rests was, while others were busy for that share of it. */
async function restsOf(count: number, busy: number, tookMs = TOOK_MS): Promise<number[]> {
  const rests: number[] = [];
  const pace = openPaceBeside((ms) => {
    rests.push(Math.round(ms));
    return Promise.resolve(busy);
  });
  for (let n = 0; n < count; n++) await pace.rest(tookMs, undefined);
  return rests;
}

describe('the pace of a rebuild beside others', () => {
  it('rests for a moment where nobody else works', async () => {
    expect(await restsOf(3, 0)).to.deep.equal([2, 2, 2]);
  });

  it('rests longer where others work, up to twice the work at half of their time', async () => {
    expect(await restsOf(4, 0.5)).to.deep.equal([2, 4, 7, 10]);
    expect((await restsOf(40, 0.5)).at(-1)).to.equal(20);
  });

  it('goes on within a quarter of a second, however busy others are', async () => {
    expect((await restsOf(60, 1, 1_000)).at(-1)).to.equal(250);
  });

  it('measures what others do while it rests', async () => {
    const pace = openPaceBeside();
    const burning = setInterval(() => {
      for (const until = performance.now() + 3; performance.now() < until;);
    }, 1);
    for (let n = 0; n < 15; n++) await pace.rest(TOOK_MS, undefined);
    const beganMs = performance.now();
    await pace.rest(TOOK_MS, undefined);
    clearInterval(burning);
    expect(performance.now() - beganMs).to.be.above(TOOK_MS);
  });

  it('takes small batches; a command takes large ones and never rests', async () => {
    expect(openPaceBeside().batchEvents).to.equal(500);
    expect(fullPace.batchEvents).to.equal(10_000);
    expect(await fullPace.rest(1_000, undefined)).to.equal(undefined);
  });
});
