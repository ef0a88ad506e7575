import { expect } from 'chai';
import type { Quotas } from '../../contracts/events/organization.js';
import { streamOf } from '../../contracts/streams.js';
import { usualQuotas } from '../../domain/organization/quotas.js';
import { openQuotas } from '../../infra/read-store/quotas.js';
import { organizationQuotas as table } from '../../infra/read-store/tables/organization-quotas.js';
import { at, openReadModels, ORGANIZATION, type Fact, type ReadModels } from '../testing/kit.js';
import { organizationQuotas } from './organization-quotas.js';

const set = (quotas: Partial<Quotas>): Fact => ({
  stream: streamOf('organization', ORGANIZATION),
  type: 'OrganizationQuotasSet',
  data: { organizationId: ORGANIZATION, ...quotas, at: at(1) },
});

describe('projection organization_quotas', () => {
  let models: ReadModels;
  before(async () => {
    models = await openReadModels();
  });
  beforeEach(() => models.reset());
  after(() => models?.close());

  it('given quotas, then the last ones', async () => {
    const all = { waitingExecutions: 5, storageBytes: 1_000_000_000_000_000, weight: 100 };
    await models.append(set(all));
    await models.project(organizationQuotas);
    const row = { organization_id: ORGANIZATION };
    expect(await models.rows(table)).to.deep.equal([
      {
        ...row,
        waiting_executions: 5,
        storage_bytes: '1000000000000000',
        weight: 100,
        position: '0',
      },
    ]);
    await models.append(set({ weight: 3 }));
    await models.project(organizationQuotas);
    expect(await models.rows(table)).to.deep.equal([{ ...row, weight: 3, position: '1' }]);
  });

  it('is known in every process from memory, brought up to date', async () => {
    const quotas = openQuotas(models.pool, (error) => expect.fail(String(error)));
    expect(quotas.of(ORGANIZATION)).to.deep.equal(usualQuotas);
    await models.append(set({ storageBytes: 7 }), set({ weight: 3 }));
    await models.project(organizationQuotas);
    await quotas.refresh();
    expect(quotas.of(ORGANIZATION)).to.deep.equal({ ...usualQuotas, weight: 3 });
    await models.append(set({}));
    await models.project(organizationQuotas);
    await quotas.refresh();
    expect(quotas.of(ORGANIZATION)).to.deep.equal(usualQuotas);
  });
});
