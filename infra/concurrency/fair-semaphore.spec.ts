import { expect } from 'chai';
import { createFairSemaphore } from './fair-semaphore.js';

const LONG_MS = 10_000;

describe('fair semaphore', () => {
  it('gives a key no more than its share, though permits are free', async () => {
    const semaphore = createFairSemaphore({ inFlightMax: 4, shareMax: 2, waitersMax: 10 });
    expect(semaphore.acquire('a', LONG_MS)).to.equal(true);
    expect(semaphore.acquire('a', LONG_MS)).to.equal(true);
    const third = semaphore.acquire('a', LONG_MS);
    expect(third).to.be.instanceOf(Promise);
    expect(semaphore.acquire('b', LONG_MS)).to.equal(true);
    semaphore.release('a');
    expect(await third).to.equal(true);
  });

  it('gives what becomes free to the keys in turn, whoever has more waiters', async () => {
    const semaphore = createFairSemaphore({ inFlightMax: 2, shareMax: 2, waitersMax: 10 });
    const order: string[] = [];
    const use = async (key: string) => {
      if (await semaphore.acquire(key, LONG_MS)) order.push(key);
    };
    await Promise.all([use('a'), use('a')]);
    const waiting = ['a', 'a', 'a', 'b', 'c'].map(use);
    for (const key of ['a', 'a', 'b', 'c', 'a']) {
      semaphore.release(key);
      await new Promise(setImmediate);
    }
    await Promise.all(waiting);
    expect(order).to.deep.equal(['a', 'a', 'a', 'b', 'c', 'a', 'a']);
  });

  it('refuses past the bound of the queue of the key, and of no other', async () => {
    const semaphore = createFairSemaphore({ inFlightMax: 1, shareMax: 1, waitersMax: 1 });
    expect(semaphore.acquire('a', LONG_MS)).to.equal(true);
    const waiting = semaphore.acquire('a', LONG_MS);
    expect(semaphore.acquire('a', LONG_MS)).to.equal(false);
    const other = semaphore.acquire('b', LONG_MS);
    expect(other).to.be.instanceOf(Promise);
    semaphore.release('a');
    expect(await waiting).to.equal(true);
    semaphore.release('a');
    expect(await other).to.equal(true);
  });

  it('refuses who waited too long, and has the permit for the next', async () => {
    const semaphore = createFairSemaphore({ inFlightMax: 1, shareMax: 1, waitersMax: 10 });
    expect(semaphore.acquire('a', LONG_MS)).to.equal(true);
    expect(await semaphore.acquire('b', 5)).to.equal(false);
    const next = semaphore.acquire('c', LONG_MS);
    semaphore.release('a');
    expect(await next).to.equal(true);
    semaphore.release('c');
    expect(semaphore.acquire('b', LONG_MS)).to.equal(true);
  });
});
