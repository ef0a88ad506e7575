/** What every keeper of leases must do. */
import { expect } from 'chai';
import { eventually } from '../../../testing/eventually.js';
import { aborted } from '../../concurrency/pause.js';
import type { Leases } from '../port.js';
import { whileLeased } from '../while-leased.js';

interface LeasesHarness {
  readonly leases: Leases;
  close(): Promise<void>;
}

/** Longer than any of the cases takes, and short enough to wait for. */
const LONG_MS = 60_000;
const SHORT_MS = 150;

export function leasesContract(name: string, open: () => Promise<LeasesHarness>): void {
  describe(`leases contract: ${name}`, () => {
    let harness: LeasesHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());
    grantsToOne(() => harness.leases);
    worksWhileLeased(() => harness.leases);
  });
}

function grantsToOne(leases: () => Leases): void {
  it('grants a name to one holder, and each name by itself', async () => {
    expect(await leases().acquire('work', 'a', LONG_MS)).to.not.equal(undefined);
    expect(await leases().acquire('work', 'b', LONG_MS)).to.equal(undefined);
    expect(await leases().acquire('other', 'b', LONG_MS)).to.not.equal(undefined);
  });

  it('grants it to one of many that ask at once', async () => {
    const holders = Array.from({ length: 10 }, (_, n) => `holder-${n}`);
    const grants = await Promise.all(
      holders.map((holder) => leases().acquire('work', holder, LONG_MS)),
    );
    expect(grants.filter((lease) => lease !== undefined)).to.have.length(1);
  });

  it('grants it to another once it was released, with a greater token', async () => {
    const first = await leases().acquire('work', 'a', LONG_MS);
    await first?.release();
    const second = await leases().acquire('work', 'b', LONG_MS);
    expect(second && first && second.fencingToken > first.fencingToken).to.equal(true);
  });

  it('grants it to another once it expired, and the first cannot renew or release it', async () => {
    const first = await leases().acquire('work', 'a', SHORT_MS);
    const second = await eventually('it expired', () => leases().acquire('work', 'b', LONG_MS));
    expect(second.fencingToken > (first?.fencingToken ?? 0n)).to.equal(true);
    expect(await first?.renew()).to.equal(false);
    await first?.release();
    expect(await leases().acquire('work', 'c', LONG_MS)).to.equal(undefined);
    expect(await second.renew()).to.equal(true);
  });

  it('lasts for as long as it is renewed', async () => {
    const termMs = 600;
    const lease = await leases().acquire('work', 'a', termMs);
    const until = performance.now() + 1.5 * termMs;
    await eventually('the first term went by', async () => {
      expect(await lease?.renew()).to.equal(true);
      expect(await leases().acquire('work', 'b', termMs)).to.equal(undefined);
      return performance.now() > until;
    });
  });

  it('cannot be renewed after its release', async () => {
    const lease = await leases().acquire('work', 'a', LONG_MS);
    await lease?.release();
    expect(await lease?.renew()).to.equal(false);
  });

  it('grants it at once to its restarted holder, which voids the earlier lease', async () => {
    const before = await leases().acquire('work', 'a', LONG_MS);
    const after = await leases().acquire('work', 'a', LONG_MS);
    expect(after && before && after.fencingToken > before.fencingToken).to.equal(true);
    expect(await before?.renew()).to.equal(false);
    expect(await after?.renew()).to.equal(true);
  });
}

function worksWhileLeased(leases: () => Leases): void {
  const workOf = (holder: string, ttlMs: number) => ({
    leases: leases(),
    name: 'work',
    holder,
    ttlMs,
  });

  it('lets one of two work, and the other once the first is gone', async () => {
    const stoppers = [new AbortController(), new AbortController()];
    const working: { holder: string; token: bigint }[] = [];
    const runs = stoppers.map(({ signal }, n) =>
      whileLeased({
        ...workOf(`holder-${n}`, SHORT_MS),
        signal,
        work: async (held, token) => {
          const self = { holder: `holder-${n}`, token };
          working.push(self);
          expect(working).to.deep.equal([self]);
          await aborted(held);
          working.splice(working.indexOf(self), 1);
        },
      }),
    );
    const first = await eventually('one works', () => working[0]);
    stoppers[Number(first.holder.at(-1))]?.abort();
    const second = await eventually('the other works', () =>
      working[0]?.holder === first.holder ? undefined : working[0],
    );
    expect(second.token > first.token).to.equal(true);
    for (const stopper of stoppers) stopper.abort();
    await Promise.all(runs);
    expect(working).to.deep.equal([]);
  });

  it('ends the work when the lease is lost, and works again once it is granted', async () => {
    const stopper = new AbortController();
    const tokens: bigint[] = [];
    const run = whileLeased({
      ...workOf('a', SHORT_MS),
      signal: stopper.signal,
      work: async (held, token) => {
        tokens.push(token);
        await aborted(held);
      },
    });
    await eventually('it works', () => tokens.length === 1);
    await leases().acquire('work', 'a', SHORT_MS);
    await eventually('it works again', () => tokens.length === 2);
    stopper.abort();
    await run;
    expect(tokens[1]! > tokens[0]! + 1n).to.equal(true);
  });

  it('returns with the work that ends by itself, and throws what the work throws', async () => {
    const { signal } = new AbortController();
    let worked = 0;
    const work = async () => {
      worked += 1;
      if (worked === 2) throw new Error('broken');
    };
    await whileLeased({ ...workOf('a', LONG_MS), signal, work });
    const thrown = await whileLeased({ ...workOf('b', LONG_MS), signal, work }).catch(
      (error: unknown) => error,
    );
    expect(String(thrown)).to.equal('Error: broken');
    expect(await leases().acquire('work', 'c', LONG_MS)).to.not.equal(undefined);
  });
}
