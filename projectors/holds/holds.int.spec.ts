import { expect } from 'chai';
import {
  holds as table,
  longHolds,
  SHORT_HOLD_EVENTS,
} from '../../infra/read-store/tables/billing.js';
import {
  at,
  deposited,
  openReadModels,
  ORGANIZATION,
  storyOf,
  type ReadModels,
} from '../testing/kit.js';
import { holds } from './holds.js';

describe('projection holds', () => {
  let models: ReadModels;
  before(async () => {
    models = await openReadModels();
  });
  beforeEach(() => models.reset());
  after(() => models?.close());

  it('given holds, then those that have not ended', async () => {
    const [open, settled, released, brief] = [storyOf(), storyOf(), storyOf(), storyOf()];
    await models.append(open.held(0), settled.held(1), released.held(2));
    await models.project(holds);
    await models.append(settled.settled(3), released.released(4), brief.held(5), brief.settled(6));
    await models.project(holds);
    expect(await models.rows(table)).to.deep.equal([
      {
        hold_id: open.holdId,
        organization_id: ORGANIZATION,
        generation: 0,
        execution_id: open.executionId,
        amount_micros: '10000',
        placed_at: at(0),
        position: '0',
        revision: 0,
      },
    ]);
    expect(await models.rows(longHolds)).to.deep.equal([]);
  });

  it('given one that ended after a thousand events, then a row of its class', async () => {
    const long = storyOf();
    const others = Array.from({ length: SHORT_HOLD_EVENTS }, () => deposited(2));
    await models.append(deposited(0), long.held(1), ...others, long.released(3));
    await models.project(holds, 2, 700);
    expect(await models.rows(table)).to.deep.equal([]);
    expect(await models.rows(longHolds)).to.deep.equal([
      {
        organization_id: ORGANIZATION,
        span_class: 9,
        position: '1',
        ended_position: '1002',
        hold_id: long.holdId,
        execution_id: long.executionId,
        generation: 0,
        amount_micros: '10000',
        placed_at: at(1),
      },
    ]);
  });
});
