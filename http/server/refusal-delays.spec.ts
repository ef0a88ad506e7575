import { expect } from 'chai';
import { openRefusalDelays } from './refusal-delays.js';

const ORGANIZATION = 'org_11111111-1111-4111-8111-111111111111';
const OTHER = 'org_22222222-2222-4222-8222-222222222222';
const MB = 1024 * 1024;

describe('delays of refusals', () => {
  let nowMs = 0;
  const open = () => {
    nowMs = 0;
    return openRefusalDelays(() => nowMs);
  };
  const times = (count: number, delay: () => number) =>
    Array.from({ length: count }, delay).map(Math.round);

  it('come after a burst, and grow with each refusal up to a second', () => {
    const delays = open();
    const waits = times(500, () => delays.ofOrganization(ORGANIZATION, 0));
    expect(waits.findIndex((ms) => ms > 0)).to.equal(167);
    expect(waits.slice(167, 170)).to.deep.equal([8, 14, 20]);
    expect(Math.max(...waits)).to.equal(1_000);
  });

  it('are those of their sender alone', () => {
    const delays = open();
    times(500, () => delays.ofOrganization(ORGANIZATION, 0));
    expect(delays.ofOrganization(OTHER, 0)).to.equal(0);
    expect(delays.ofAddress('203.0.113.7', 0)).to.equal(0);
  });

  it('count what a large body took', () => {
    const delays = open();
    const waits = times(6, () => delays.ofOrganization(ORGANIZATION, MB));
    expect(waits).to.deep.equal([0, 0, 0, 222, 528, 834]);
  });

  it('count what it takes to open a connection and to end it', () => {
    const delays = open();
    const waits = times(50, () => delays.ofConnection('203.0.113.7'));
    expect(waits.findIndex((ms) => ms > 0)).to.equal(41);
    expect(waits.slice(41, 44)).to.deep.equal([8, 32, 56]);
  });

  it('end as time passes', () => {
    const delays = open();
    times(500, () => delays.ofOrganization(ORGANIZATION, 0));
    nowMs += 500;
    expect(Math.round(delays.ofOrganization(ORGANIZATION, 0))).to.equal(506);
    nowMs += 600;
    expect(delays.ofOrganization(ORGANIZATION, 0)).to.equal(0);
  });

  it('let who is refused now and then be', () => {
    const delays = open();
    const waits = times(10_000, () => {
      nowMs += 10;
      return delays.ofOrganization(ORGANIZATION, 0);
    });
    expect(Math.max(...waits)).to.equal(0);
  });

  it('are shared by the addresses of a site, and by all addresses together', () => {
    const delays = open();
    const site = (n: number) => `2001:db8:1:2::${n.toString(16)}`;
    const ofSite = Array.from({ length: 200 }, (_, n) => delays.ofAddress(site(n), 0));
    expect(ofSite.findIndex((ms) => ms > 0)).to.equal(167);
    const many = Array.from({ length: 600 }, (_, n) =>
      delays.ofAddress(`203.0.${n >> 8}.${n & 255}`, 0),
    );
    expect(many.findIndex((ms) => ms > 0)).to.equal(469);
  });
});
