import { expect } from 'chai';
import { createKeyedSemaphore } from './keyed-semaphore.js';

describe('keyed semaphore', () => {
  it('gives so many permits of a key, and the next when one is released, in order', async () => {
    const semaphore = createKeyedSemaphore(2, 10);
    expect([semaphore.acquire('a'), semaphore.acquire('a')]).to.deep.equal([true, true]);
    const acquired: number[] = [];
    const waiting = [1, 2].map(async (n) => {
      if (await semaphore.acquire('a')) acquired.push(n);
    });
    await Promise.resolve();
    expect(acquired).to.deep.equal([]);
    semaphore.release('a');
    await waiting[0];
    expect(acquired).to.deep.equal([1]);
    semaphore.release('a');
    await waiting[1];
    expect(acquired).to.deep.equal([1, 2]);
  });

  it('has permits of its own for each key', () => {
    const semaphore = createKeyedSemaphore(1, 10);
    expect(semaphore.acquire('a')).to.equal(true);
    expect(semaphore.acquire('b')).to.equal(true);
    expect(semaphore.acquire('a')).to.be.instanceOf(Promise);
  });

  it('refuses when the queue of the key is full', () => {
    const semaphore = createKeyedSemaphore(1, 1);
    expect(semaphore.acquire('a')).to.equal(true);
    expect(semaphore.acquire('a')).to.be.instanceOf(Promise);
    expect(semaphore.acquire('a')).to.equal(false);
    expect(semaphore.acquire('b')).to.equal(true);
  });

  it('begins anew with a key whose permits are all released', () => {
    const semaphore = createKeyedSemaphore(1, 1);
    for (let times = 0; times < 3; times += 1) {
      expect(semaphore.acquire('a')).to.equal(true);
      semaphore.release('a');
    }
  });

  it('refuses everyone when it closes', async () => {
    const semaphore = createKeyedSemaphore(1, 5);
    expect(semaphore.acquire('a')).to.equal(true);
    const waiting = [1, 2].map(async () => semaphore.acquire('a'));
    semaphore.close();
    expect(await Promise.all(waiting)).to.deep.equal([false, false]);
    expect(semaphore.acquire('b')).to.equal(false);
    semaphore.release('a');
  });
});
