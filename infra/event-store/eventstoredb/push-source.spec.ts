import { expect } from 'chai';
import { eventually } from '../../../testing/eventually.js';
import type { LogRow } from '../codec.js';
import type { TailFeed } from '../live-tail.js';
import type { Position } from '../port.js';
import { openLogEnd } from './log-end.js';
import { createPushSource, type PushSource } from './push-source.js';
import { scriptedLog, type ScriptedLog } from './testing/scripted-log.js';

describe('the subscription to the log of the server', function () {
  this.timeout(10_000);
  let log: ScriptedLog;
  let source: PushSource;
  let feed: TailFeed & { readonly rows: LogRow[]; head: () => Promise<Position> };
  let states: boolean[];
  let rowsWhenLive: number | undefined;
  let reached: Position;
  let run: Promise<number>;

  beforeEach(() => {
    log = scriptedLog();
    log.add('ours');
    source = createPushSource(log.client, openLogEnd(log.client, 1_800), (row) => row);
    const rows: LogRow[] = [];
    states = [];
    rowsWhenLive = undefined;
    reached = 0n;
    feed = {
      rows,
      head: async () => rows.at(-1)?.position ?? 0n,
      add: (added) => rows.push(...added),
      reach: (position) => void (reached = position),
      setLive(live) {
        if (live) rowsWhenLive ??= rows.length;
        states.push(live);
      },
    };
  });
  afterEach(async () => {
    source.stop();
    await run.catch(() => undefined);
  });

  const begin = async () => {
    run = source.run(feed);
    run.catch(() => undefined);
    await eventually('a subscription', () => log.subscriptions.length === 1);
    const [subscription] = log.subscriptions;
    if (!subscription) throw new Error('there is one');
    return subscription;
  };
  const isLive = () => states.at(-1) === true;
  const row = (position: Position): LogRow => ({
    stream: 'organization-spec',
    revision: 0,
    id: 'x',
    type: 'OrganizationCreated',
    position,
    data: '{}',
    metadata: '{}',
  });

  it('is live when the server says that it has caught up, not when events come', async () => {
    log.add('ours', 1_200);
    const { on } = await begin();
    await eventually('caught up', isLive);
    expect(feed.rows.length).to.equal(1_200);
    expect(rowsWhenLive).to.equal(1_200);
    on.fellBehind?.();
    expect(isLive()).to.equal(false);
  });

  it('is taken up again at once, without a word, when the server drops it', async () => {
    for (let n = 1n; n <= 3n; n++) {
      const { after, on, end } = await begin();
      expect(after).to.equal((n - 1n) * 100n);
      on.row(row(n * 100n));
      end({ kind: 'dropped', reason: 'Consumer too slow to handle event while live.' });
      expect(await run).to.equal(0);
      expect(isLive()).to.equal(false);
    }
    expect(source.stats).to.deep.equal({ drops: 3, renewals: 0 });
  });

  it('waits a moment when it is dropped again before it brought anything', async () => {
    (await begin()).end({ kind: 'dropped', reason: 'too slow' });
    expect(await run).to.equal(0);
    (await begin()).end({ kind: 'dropped', reason: 'too slow' });
    expect(await run.catch(String)).to.equal('Error: too slow');
    expect(source.stats.drops).to.equal(2);
  });

  it('is begun anew when the log has something that it does not bring', async () => {
    await begin();
    await eventually('live', isLive);
    log.add('ours');
    expect(await run.catch(String)).to.equal('Error: the subscription fell silent');
    expect(isLive()).to.equal(false);
    expect(source.stats).to.deep.equal({ drops: 0, renewals: 1 });
  });

  it('ends when the server is away, though it left the subscription open', async () => {
    await begin();
    await eventually('live', isLive);
    log.away = { kind: 'away', reason: 'Server Is Not Ready' };
    expect(await run.catch(String)).to.equal('Error: Server Is Not Ready');
  });

  it('goes on with the log while nothing of ours comes, and stays', async () => {
    await begin();
    await eventually('live', isLive);
    const newest = log.add('server', 100);
    await eventually('it is there', () => reached === newest);
    expect(log.subscriptions.length).to.equal(1);
    expect(source.stats.renewals).to.equal(0);
  });

  it('goes on with the checkpoints of a stretch', async () => {
    log.add('server', 512 * 6);
    await begin();
    await eventually('it is at the fourth', () => reached >= 512n * 4n * 100n);
    expect(feed.rows).to.deep.equal([]);
  });

  it('is live without a word about it, from a server that says none', async () => {
    const { on } = await begin();
    on.fellBehind?.();
    expect(isLive()).to.equal(false);
    await eventually('live', isLive);
  });
});
