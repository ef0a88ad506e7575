/** Asking the projectors for a rebuild. */
import { expect } from 'chai';
import { projectionStates } from '../../infra/read-store/projection-states.js';
import { executions } from '../../projectors/executions/executions.js';
import { holds } from '../../projectors/holds/holds.js';
import { openReadModels, type ReadModels } from '../../projectors/testing/kit.js';
import { openCommandApi, type CommandApi } from '../testing/kit.js';

describe('command API: the operator', () => {
  let models: ReadModels;
  let api: CommandApi;
  before(async () => {
    models = await openReadModels();
    api = await openCommandApi(models.store, new Map(), models.pool);
    await models.project(holds);
  });
  after(async () => {
    await api?.close();
    await models?.close();
  });

  it('asks for a rebuild of a projection that is there', async () => {
    const ask = (name: string) => api.asOperator('POST', `/admin/v1/projections/${name}/rebuild`);
    expect((await ask('none')).status).to.equal(404);
    const { status, json } = await ask('holds');
    expect([status, json]).to.deep.equal([202, { name: 'holds', rebuild_requested: true }]);
    const states = await projectionStates(models.pool);
    const requested = states.filter(({ rebuildRequested }) => rebuildRequested);
    expect(requested.map(({ name }) => name)).to.deep.equal(['holds']);
  });

  it('asks for a rebuild of all that are there', async () => {
    await models.project(executions);
    const { status, json } = await api.asOperator('POST', '/admin/v1/projections/rebuild');
    const names = ['executions', 'holds'];
    expect([status, json]).to.deep.equal([202, { names, rebuild_requested: true }]);
    const states = await projectionStates(models.pool);
    expect(states.map(({ rebuildRequested }) => rebuildRequested)).to.deep.equal([true, true]);
  });
});
