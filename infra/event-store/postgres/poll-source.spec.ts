import { expect } from 'chai';
import type { TailFeed } from '../live-tail.js';
import type { LogReader } from '../log-reader.js';
import { createPollSource } from './poll-source.js';

function given() {
  const log = { nowMs: 1_000, isAway: false };
  const seen = { polls: 0 };
  const reader = {
    async page() {
      seen.polls++;
      if (log.isAway) throw new Error('away');
      return { rows: [], position: 0n, caughtUp: true };
    },
  } as unknown as LogReader;
  const feed: TailFeed = {
    head: async () => 0n,
    add: (rows) => rows.length,
    reach: () => undefined,
    setLive: () => undefined,
  };
  const source = createPollSource(reader, () => log.nowMs);
  return { log, seen, source, run: () => source.run(feed) };
}

describe('the polls of the log', () => {
  it('wait while this process appends, and nothing lay before what it appended', async () => {
    const { log, seen, source, run } = given();
    expect(await run()).to.equal(100);
    source.followed();
    log.nowMs += 40;
    expect(await run()).to.equal(60);
    expect(seen.polls).to.equal(1);
    log.nowMs += 60;
    expect(await run()).to.equal(100);
    expect(seen.polls).to.equal(2);
  });

  it('are made at once where something lay before what this process appended', async () => {
    const { seen, source, run } = given();
    await run();
    source.followed();
    source.missed();
    await run();
    expect(seen.polls).to.equal(2);
  });

  it('begin anew after nobody subscribed', async () => {
    const { seen, source, run } = given();
    await run();
    source.followed();
    source.stop();
    await run();
    expect(seen.polls).to.equal(2);
  });

  it('go on until one is answered, also while appends land', async () => {
    const { log, seen, source, run } = given();
    log.isAway = true;
    const failed = await run().then(
      () => undefined,
      (error: Error) => error.message,
    );
    expect(failed).to.equal('away');
    source.followed();
    log.isAway = false;
    expect(await run()).to.equal(100);
    expect(seen.polls).to.equal(2);
  });
});
