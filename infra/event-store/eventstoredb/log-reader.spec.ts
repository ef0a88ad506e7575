import { expect } from 'chai';
import { START } from '../port.js';
import type { LogReader } from '../log-reader.js';
import { openLogEnd, type LogEnd } from './log-end.js';
import { createLogReader } from './log-reader.js';
import { scriptedLog, type ScriptedLog } from './testing/scripted-log.js';

describe('reading a log with many events of the server', () => {
  let log: ScriptedLog;
  let end: LogEnd;
  let reader: LogReader;
  beforeEach(() => {
    log = scriptedLog();
    end = openLogEnd(log.client, 1_800);
    reader = createLogReader(log.client, end, 1_800);
  });

  const pages = async (filter: Parameters<LogReader['page']>[2] = {}) => {
    const positions: bigint[] = [];
    for (let after = START, n = 0; n < 20; n++) {
      const page = await reader.page(after, 2, filter);
      positions.push(...page.rows.map(({ position }) => position));
      expect(page.position >= after).to.equal(true);
      if (page.caughtUp) return { positions, end: page.position };
      after = page.position;
    }
    throw new Error('the pages do not end');
  };

  describe('the head', () => {
    it('is START on an empty log, and on one with nothing but a few of them', async () => {
      expect(await end.head()).to.equal(START);
      log.add('server', 20);
      expect(await end.head()).to.equal(START);
    });

    it('is the last event of ours, however it is found', async () => {
      const first = log.add('ours');
      expect(await end.head()).to.equal(first);
      log.add('server', 3);
      expect(await end.head()).to.equal(first);
      log.add('server', 100);
      expect(await end.head()).to.equal(first);
      const second = log.add('ours');
      log.add('server', 30);
      expect(await end.head()).to.equal(second);
    });

    it('costs one small read when nothing was added', async () => {
      log.add('ours');
      log.add('server', 50);
      await end.head();
      const { reads } = log.asked;
      for (let n = 0; n < 5; n++) await end.head();
      expect(log.asked.reads - reads).to.equal(5);
    });

    it('is shared by those who ask at once', async () => {
      log.add('ours');
      await Promise.all(Array.from({ length: 100 }, () => end.head()));
      expect(log.asked.reads).to.equal(1);
    });

    it('is the newest of any kind behind a stretch, and not before an event of ours', async () => {
      log.add('ours');
      const newest = log.add('server', 5_000);
      expect(await end.head()).to.equal(newest);
      log.add('server', 3);
      expect(await end.head()).to.equal(newest);
      const ours = log.add('ours');
      expect(await end.head()).to.equal(ours);
    });
  });

  describe('a page', () => {
    it('is one plain read, with and without a filter', async () => {
      for (let n = 0; n < 5; n++) log.add('ours');
      const { positions } = await pages();
      expect(positions).to.deep.equal([0n, 100n, 200n, 300n, 400n]);
      const filtered = await pages({ categories: ['organization'] });
      expect(filtered.positions).to.deep.equal(positions);
      expect(log.asked.follows).to.equal(0);
    });

    it('of a filter that passes nothing is at the end as far as it is known', async () => {
      const ours = log.add('ours');
      await end.head();
      const page = await reader.page(START, 2, { categories: ['delivery'] });
      expect(page).to.deep.equal({ rows: [], position: ours, caughtUp: true });
    });

    it('goes through a stretch once, for all who meet it, and is not held up again', async () => {
      const first = log.add('ours');
      log.add('server', 6_000);
      const second = log.add('ours');
      log.add('server', 6_000);
      const [unfiltered, filtered] = await Promise.all([
        pages(),
        pages({ categories: ['organization'] }),
      ]);
      expect(unfiltered.positions).to.deep.equal([first, second]);
      expect(filtered.positions).to.deep.equal([first, second]);
      const { follows } = log.asked;
      expect(follows).to.be.at.most(4);
      expect((await pages()).positions).to.deep.equal([first, second]);
      expect(log.asked.follows).to.equal(follows);
    }).timeout(10_000);

    it('looks through what its filter leaves out by checkpoints, to the last word', async () => {
      log.othersMax = 100;
      log.add('ours', 700);
      const { positions, end: reached } = await pages({ categories: ['delivery'] });
      expect(positions).to.deep.equal([]);
      expect(reached).to.equal(await end.head());
    });
  });
});
