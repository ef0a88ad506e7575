import { expect } from 'chai';
import { createBatchLoader } from './batch-loader.js';

describe('batch loader', () => {
  const loaderOf = (load: (keys: readonly string[]) => Promise<readonly string[]>) =>
    createBatchLoader<string, string>({
      nameOf: (key) => key,
      load,
      keysMax: 2,
      inFlightMax: 1,
    });

  it('reads together what is asked for in one turn, each name once, up to its bound', async () => {
    const loaded: (readonly string[])[] = [];
    const load = loaderOf(async (keys) => {
      loaded.push(keys);
      return keys.map((key) => key.toUpperCase());
    });
    const values = await Promise.all(['a', 'b', 'a', 'c'].map(load));
    expect(values).to.deep.equal(['A', 'B', 'A', 'C']);
    expect(loaded).to.deep.equal([['a', 'b'], ['c']]);
  });

  it('reads again what is asked for after the read has begun', async () => {
    let reads = 0;
    const load = loaderOf(async (keys) => keys.map(() => `${++reads}`));
    const first = load('a');
    await new Promise((resolve) => setImmediate(resolve));
    expect([await first, await load('a')]).to.deep.equal(['1', '2']);
  });

  it('rejects all reads of a batch that fails, and goes on', async () => {
    let fails = true;
    const load = loaderOf(async (keys) => {
      if (fails) throw new Error('away');
      return keys;
    });
    const settled = await Promise.allSettled([load('a'), load('b')]);
    expect(settled.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected']);
    fails = false;
    expect(await load('a')).to.equal('a');
  });

  it('rejects those that wait, too, when the failure is an outage', async () => {
    let [loads, fails] = [0, true];
    const load = createBatchLoader<string, string>({
      nameOf: (key) => key,
      load: async (keys) => {
        loads += 1;
        if (fails) throw new Error('away');
        return keys;
      },
      keysMax: 1,
      inFlightMax: 1,
      isOutage: (error) => String(error) === 'Error: away',
    });
    const settled = await Promise.allSettled(['a', 'b', 'c'].map(load));
    expect(settled.map(({ status }) => status)).to.deep.equal(Array(3).fill('rejected'));
    expect(loads).to.equal(1);
    fails = false;
    expect(await load('b')).to.equal('b');
  });
});
