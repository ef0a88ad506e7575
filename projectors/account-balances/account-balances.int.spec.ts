import { expect } from 'chai';
import { accountBalances as table } from '../../infra/read-store/tables/billing.js';
import {
  at,
  deposited,
  openReadModels,
  ORGANIZATION,
  storyOf,
  type ReadModels,
} from '../testing/kit.js';
import { accountBalances } from './account-balances.js';

describe('projection account_balances', () => {
  let models: ReadModels;
  before(async () => {
    models = await openReadModels();
  });
  beforeEach(() => models.reset());
  after(() => models?.close());

  it('given movements, then what stands after the last', async () => {
    const story = storyOf();
    const other = 'org_99999999-9999-4999-8999-999999999999';
    await models.append(deposited(0), story.held(1), deposited(2, other), story.settled(3));
    await models.project(accountBalances, 2);
    expect(await models.rows(table)).to.deep.equal([
      {
        organization_id: ORGANIZATION,
        available_micros: '996000',
        held_micros: '0',
        changed_at: at(3),
        revision: 2,
        position: '3',
      },
      {
        organization_id: other,
        available_micros: '1000000',
        held_micros: '0',
        changed_at: at(2),
        revision: 0,
        position: '2',
      },
    ]);
  });
});
