/** Many wait for one projection, and the database is asked once for all of them. */
import { expect } from 'chai';
import type { Pool } from 'pg';
import { openProgress } from './progress.js';

/** Answers with what it is set to, and counts how often it is asked. */
function fakeDatabase() {
  const state = { position: 0n, stopped: false, failing: false, asked: 0 };
  const query = async () => {
    state.asked += 1;
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (state.failing) throw Object.assign(new Error('gone'), { code: 'ECONNREFUSED' });
    return { rows: [{ position: state.position, stopped_at: state.stopped ? new Date() : null }] };
  };
  return { state, pool: { query } as unknown as Pick<Pool, 'query'> };
}

const outcomeOf = (waiting: Promise<boolean>): Promise<boolean | string> =>
  waiting.catch((error: unknown) => (error as Error).name);

describe('progress of projections', () => {
  it('a hundred waiting readers ask no more often than one', async () => {
    const { state, pool } = fakeDatabase();
    const progress = openProgress(pool);
    const waiting = Array.from({ length: 100 }, () => progress.passed('holds', 5n, 10_000));
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { asked } = state;
    state.position = 5n;
    expect(await Promise.all(waiting)).to.deep.equal(waiting.map(() => true));
    expect(asked).to.be.within(1, 14);
  });

  it('readers who come one after another, a hundred at a time, share the questions', async () => {
    const { state, pool } = fakeDatabase();
    const progress = openProgress(pool);
    const startedMs = performance.now();
    const untilMs = startedMs + 300;
    let reads = 0;
    const read = async () => {
      for (; performance.now() < untilMs; reads++) await progress.passed('holds', 0n, 10_000);
    };
    state.position = 0n;
    progress.announce(['holds'], -1n);
    await Promise.all(Array.from({ length: 100 }, read));
    const tookMs = performance.now() - startedMs;
    expect(state.asked).to.be.within(1, tookMs / 4 + 2);
    expect(reads).to.be.above(10 * state.asked);
  });

  it('an announcement answers at once those whom it passed, without a question', async () => {
    const { state, pool } = fakeDatabase();
    const progress = openProgress(pool);
    const first = progress.passed('holds', 5n, 10_000);
    const second = progress.passed('holds', 7n, 50);
    progress.announce(['holds', 'timers'], 6n);
    expect(await first).to.equal(true);
    expect(await second).to.equal(false);
    const { asked } = state;
    expect(await progress.passed('timers', 6n, 0)).to.equal(true);
    expect(state.asked).to.equal(asked);
  });

  it('what was announced is void once less is announced', async () => {
    const { state, pool } = fakeDatabase();
    const progress = openProgress(pool);
    progress.announce(['holds'], 9n);
    progress.announce(['holds'], 3n);
    expect(await progress.passed('holds', 5n, 0)).to.equal(false);
    state.position = 5n;
    expect(await progress.passed('holds', 5n, 0)).to.equal(true);
  });

  it('a stopped projection is waited for by nobody', async () => {
    const { state, pool } = fakeDatabase();
    state.stopped = true;
    const progress = openProgress(pool);
    const waiting = [5n, 0n].map((position) => progress.passed('holds', position, 10_000));
    expect(await Promise.all(waiting)).to.deep.equal([false, true]);
  });

  it('an outage is thrown to those who wait, and the next one asks anew', async () => {
    const { state, pool } = fakeDatabase();
    state.failing = true;
    const progress = openProgress(pool);
    const waiting = [5n, 6n].map((position) => progress.passed('holds', position, 10_000));
    expect(await Promise.all(waiting.map(outcomeOf))).to.deep.equal([
      'StoreUnavailable',
      'StoreUnavailable',
    ]);
    state.failing = false;
    state.position = 5n;
    expect(await progress.passed('holds', 5n, 0)).to.equal(true);
  });
});
