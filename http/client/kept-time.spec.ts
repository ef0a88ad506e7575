import { expect } from 'chai';
import { KeptTime } from './kept-time.js';

describe('how long a server keeps an idle connection', () => {
  it('trusts nobody before an idle connection has lived', () => {
    const kept = new KeptTime();
    expect(kept.mayServe(0, 0)).to.equal(false);
    kept.lived(249);
    expect(kept.mayServe(0, 0)).to.equal(false);
    kept.lived(1_000);
    expect([0, 500, 501].map((restMs) => kept.mayServe(restMs, 0))).to.deep.equal([
      true,
      true,
      false,
    ]);
  });

  it('keeps away from where the server closes, and tries again after a while', () => {
    const kept = new KeptTime();
    kept.lived(4_000);
    kept.closed(600, 0);
    kept.closed(2_000, 1);
    expect([300, 301].map((restMs) => kept.mayServe(restMs, 2))).to.deep.equal([true, false]);
    kept.closed(50, 3);
    expect(kept.mayServe(0, 4)).to.equal(false);
    expect(kept.mayServe(2_000, 600_003)).to.equal(true);
  });
});
