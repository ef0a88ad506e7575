import { expect } from 'chai';
import { createSemaphore } from './semaphore.js';

describe('semaphore', () => {
  type Semaphore = ReturnType<typeof createSemaphore>;
  const acquiring = async (semaphore: Semaphore, weight: number, acquired: number[]) => {
    if (await semaphore.acquire(weight, Infinity)) acquired.push(weight);
  };
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  it('gives so many permits, and the next when one is released, in their order', async () => {
    const semaphore = createSemaphore(2, 100);
    const acquired: number[] = [];
    for (const weight of [1, 2, 3, 4]) void acquiring(semaphore, weight, acquired);
    await turn();
    expect([acquired, semaphore.inFlight]).to.deep.equal([[1, 2], 2]);
    semaphore.release(1);
    await turn();
    expect(acquired).to.deep.equal([1, 2, 3]);
    semaphore.release(2);
    semaphore.release(3);
    await turn();
    expect([acquired, semaphore.inFlight]).to.deep.equal([[1, 2, 3, 4], 1]);
  });

  it('gives permits by weight; a larger one is in flight alone, and is not overtaken', async () => {
    const semaphore = createSemaphore(10, 100);
    const acquired: number[] = [];
    for (const weight of [60, 500, 1]) void acquiring(semaphore, weight, acquired);
    await turn();
    expect(acquired).to.deep.equal([60]);
    semaphore.release(60);
    await turn();
    expect(acquired).to.deep.equal([60, 500]);
    semaphore.release(500);
    await turn();
    expect(acquired).to.deep.equal([60, 500, 1]);
  });

  it('refuses at the deadline, and admits those who wait behind', async () => {
    const semaphore = createSemaphore(10, 100);
    await semaphore.acquire(60, Infinity);
    const late = semaphore.acquire(500, performance.now());
    const behind = semaphore.acquire(30, Infinity);
    expect([await late, await behind, semaphore.inFlight]).to.deep.equal([false, true, 2]);
  });
});
