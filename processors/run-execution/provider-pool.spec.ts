import { expect } from 'chai';
import type { Provider } from '../../contracts/catalogue/catalogue.js';
import { StoreOverloaded } from '../../infra/event-store/port.js';
import { openMetrics } from '../../infra/metrics.js';
import { openProviderPool } from './provider-pool.js';

const providerOf = (slug: string): Provider => ({
  slug,
  adapter: 'openai-chat',
  baseUrl: 'http://127.0.0.1:1',
  honoursIdempotencyKey: true,
  timeoutMs: 1_000,
  bulkhead: 1,
  breaker: { failuresToOpen: 2, successesToClose: 1, openMs: 1_000, halfOpenProbes: 1 },
  poll: { firstMs: 1_000, everyMs: 1_000, maxMs: 15_000 },
});
const a = providerOf('a');
const b = providerOf('b');
const LONG_MS = 60_000;

describe('the provider pool', () => {
  const open = (waitersMax = 10) =>
    openProviderPool(openMetrics(), () => 0, { waitersMax, stillMs: 1_000 });
  const nowMs = performance.now();
  const never = new AbortController().signal;

  /** Which of them have been woken, after everything that can happen has. */
  const watching = (waits: readonly Promise<void>[]) => {
    const woken: number[] = [];
    waits.forEach((wait, index) => void wait.then(() => woken.push(index)));
    return async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return woken;
    };
  };

  it('counts the calls under way', () => {
    const pool = open();
    const slots = [pool.take(a), pool.take(a)];
    expect(pool.health().get('a')?.inFlight).to.equal(2);
    for (const slot of slots) slot.release('succeeded', 5);
    expect(pool.health().get('a')).to.include({ inFlight: 0, latencyMs: 5 });
  });

  it('wakes who has waited longest for the provider that has a slot again', async () => {
    const pool = open();
    const [one, two] = [pool.take(a), pool.take(a)];
    const stop = new AbortController();
    const changed = (sinceMs: number, ...slugs: string[]) =>
      pool.changed(slugs, LONG_MS, nowMs + sinceMs, stop.signal);
    const woken = watching([changed(0, 'b'), changed(2, 'a', 'b'), changed(1, 'a')]);
    one.release('succeeded', 1);
    expect(await woken()).to.deep.equal([2]);
    two.release('succeeded', 1);
    expect(await woken()).to.deep.equal([2, 1]);
    stop.abort();
    expect(await woken()).to.deep.equal([2, 1, 0]);
  });

  it('wakes all when the circuit opens', async () => {
    const pool = open();
    const slots = [pool.take(b), pool.take(b)];
    let n = 0;
    const changed = () => pool.changed(['b'], LONG_MS, nowMs + n++, never);
    const woken = watching([changed(), changed(), changed()]);
    slots[0]?.release('failed', 1);
    expect(await woken()).to.deep.equal([0]);
    slots[1]?.release('failed', 1);
    expect(await woken()).to.deep.equal([0, 1, 2]);
    expect(pool.health().get('b')?.circuit.status).to.equal('open');
  });

  it('wakes after the time that was asked for, and at once when all is over', async () => {
    const pool = open();
    await pool.changed(['a'], 1, nowMs, never);
    const stop = new AbortController();
    stop.abort();
    await pool.changed(['a'], LONG_MS, nowMs, stop.signal);
  });

  it('takes in no more than so many when nothing moves', async () => {
    const pool = open(2);
    const longAgoMs = performance.now() - 2_000;
    const enter = (sinceMs: number) => pool.changed(['a'], 20, sinceMs, never);
    const moving = [1, 2, 3].map(() => enter(performance.now()));
    await Promise.all(moving);
    const still = [enter(longAgoMs), enter(performance.now())];
    expect(() => enter(performance.now())).to.throw(StoreOverloaded);
    await Promise.all(still);
    await enter(longAgoMs);
  });
});
