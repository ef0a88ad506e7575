import { expect } from 'chai';
import { feedEvents, feedHeads } from '../../infra/read-store/tables/feed.js';
import {
  at,
  deposited,
  openReadModels,
  ORGANIZATION,
  storyOf,
  type ReadModels,
} from '../testing/kit.js';
import { rebuild } from '../testing/rebuild-one.js';
import { feed } from './feed.js';

const OTHER = 'org_22222222-2222-4222-8222-222222222222';

describe('projection feed', () => {
  let models: ReadModels;
  before(async () => {
    models = await openReadModels();
  });
  beforeEach(() => models.reset());
  after(() => models?.close());

  const appendStories = async () => {
    const [ours, theirs] = [storyOf(), storyOf(OTHER)];
    await models.append(deposited(0), ours.held(1), theirs.held(1), ours.requested(2));
    await models.append(theirs.requested(2), ours.dispatched(3), theirs.dispatched(3));
    await models.append(ours.completed(4), ours.settled(5));
    return { ours, theirs };
  };

  const numbers = async () => {
    const { rows } = await models.pool.query<{ owner: string; sequence: bigint; type: string }>(
      `SELECT 'org_' || organization_id AS owner, sequence, type FROM readmodel.feed_events
       ORDER BY organization_id, sequence`,
    );
    const of = (owner: string) =>
      rows.filter((row) => row.owner === owner).map(({ sequence, type }) => `${sequence} ${type}`);
    return { ours: of(ORGANIZATION), theirs: of(OTHER) };
  };

  it('given events of two organizations, then each is numbered in its own feed', async () => {
    const { ours } = await appendStories();
    await models.project(feed, 3, 4);
    expect(await numbers()).to.deep.equal({
      ours: [
        '1 balance.topped_up',
        '2 hold.placed',
        '3 execution.accepted',
        '4 execution.started',
        '5 execution.completed',
        '6 hold.settled',
      ],
      theirs: ['1 hold.placed', '2 execution.accepted', '3 execution.started'],
    });
    const [first, second] = (await models.rows(feedEvents, 'position')) as { data: string }[];
    const events = await models.events();
    expect(first).to.deep.equal({
      organization_id: ORGANIZATION.slice(4),
      sequence: '1',
      position: '0',
      event_id: events[0]?.id,
      type: 'balance.topped_up',
      subject: ORGANIZATION,
      at: at(0),
      data: JSON.stringify({
        amount: '1.000',
        balance: { available: '1.000', held: '0.000', total: '1.000' },
      }),
    });
    expect(JSON.parse(second?.data ?? '')).to.deep.equal({
      hold_id: ours.holdId,
      execution_id: ours.executionId,
      api_key_id: null,
      amount: '0.010',
      balance: { available: '0.990', held: '0.010', total: '1.000' },
    });
  });

  it('given batches that end elsewhere, or a rebuild, then the numbers are the same', async () => {
    await appendStories();
    await models.project(feed);
    const sum = await models.checksum(feed);
    await models.clear();
    await models.project(feed, 1, 2, 5, 6);
    expect(await models.checksum(feed)).to.deep.equal(sum);
    const { pool, progress, store } = models;
    const { log } = models.runOptions([feed]);
    const rebuilt = await rebuild({ pool, progress, store, log }, feed, { swap: true });
    expect(rebuilt.comparison?.equal).to.equal(true);
    const more = storyOf();
    await models.append(more.held(6));
    await models.project(feed);
    expect((await numbers()).ours.at(-1)).to.equal('7 hold.placed');
    expect(await models.rows(feedHeads, '1')).to.have.length(2);
  });
});
