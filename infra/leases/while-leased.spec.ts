import { expect } from 'chai';
import { eventually } from '../../testing/eventually.js';
import { aborted } from '../concurrency/pause.js';
import { openMemoryLeases } from './testing/memory.js';
import type { Lease, Leases } from './port.js';
import { whileLeased } from './while-leased.js';

describe('whileLeased, when the leases are away', () => {
  const TTL_MS = 120;

  /** Real leases whose renewals can be cut off: refused or unanswered. */
  function cuttable() {
    const inner = openMemoryLeases();
    const line = { state: 'up' as 'up' | 'refuses' | 'is silent' };
    const renewOver = (lease: Lease): Promise<boolean> => {
      if (line.state === 'refuses') return Promise.reject(new Error('away'));
      return line.state === 'is silent' ? new Promise(() => undefined) : lease.renew();
    };
    const leases: Leases = {
      acquire: async (name, holder, ttlMs) => {
        const lease = await inner.acquire(name, holder, ttlMs);
        return lease && { ...lease, renew: () => renewOver(lease) };
      },
    };
    return { leases, line };
  }

  for (const state of ['refuses', 'is silent'] as const) {
    it(`ends the work when its term ends and the renewal ${state}`, async () => {
      const { leases, line } = cuttable();
      const stopper = new AbortController();
      let held: AbortSignal | undefined;
      const outages: unknown[] = [];
      const run = whileLeased({
        leases,
        name: 'work',
        holder: 'a',
        ttlMs: TTL_MS,
        signal: stopper.signal,
        work: (signal) => {
          held = signal;
          return aborted(signal);
        },
        onOutage: (error) => outages.push(error),
      });
      const signal = await eventually('it works', () => held);
      line.state = state;
      const cutAt = performance.now();
      await eventually('it ended', () => signal.aborted);
      expect(performance.now() - cutAt).to.be.below(TTL_MS + 2_000);
      line.state = 'up';
      await eventually('it works again', () => held !== signal);
      expect(outages.length).to.equal(state === 'refuses' ? 1 : 0);
      stopper.abort();
      await run;
    });
  }

  it('throws an outage when no `onOutage` is given', async () => {
    const away: Leases = { acquire: async (): Promise<Lease> => Promise.reject(new Error('away')) };
    const { signal } = new AbortController();
    const work = async () => undefined;
    const run = whileLeased({
      leases: away,
      name: 'work',
      holder: 'a',
      ttlMs: TTL_MS,
      signal,
      work,
    });
    expect(String(await run.catch((error: unknown) => error))).to.equal('Error: away');
  });
});
