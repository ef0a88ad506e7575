/** Asking the projectors for a rebuild, and exports of the feeds. */
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

  describe('sets exports', () => {
    const path = '/admin/v1/exports';
    const folder = { format: 'parquet', folder: 'acme' };
    const put = (name: string, body: object) =>
      api.asOperator('PUT', `${path}/${name}`, body, { 'x-reason': 'ticket 12' });

    it('to a folder or a bucket, and repeats change when files are written', async () => {
      const set = await put('acme', folder);
      expect(set.status).to.equal(200);
      expect(set.json).to.deep.include({ name: 'acme', folder: 'acme', s3: null, from: '0' });
      expect(set.json).to.deep.include({ organization_id: null, state: 'beginning', files: 0 });
      const again = await put('acme', { ...folder, delay_seconds: 60 });
      expect(again.json).to.deep.equal({ ...set.json, delay_seconds: 60 });
      const s3 = { bucket: 'acme-events', prefix: 'to/acme' };
      expect((await put('bucket', { format: 'ndjson.gz', s3 })).json).to.deep.include({ s3 });
      const events = await models.events();
      const asked = events.filter(({ type }) => type === 'OperationRequested').at(-1);
      expect(asked?.data).to.deep.include({ operation: 'set_export', subject: 'bucket' });
      expect(asked?.metadata).to.deep.include({ actor: 'operator', reason: 'ticket 12' });
    });

    it('and lets none have the files of another, or be another', async () => {
      for (const [name, body] of [
        ['acme', { ...folder, format: 'ndjson.gz' }],
        ['acme', { ...folder, from: '7' }],
        ['acme', { ...folder, folder: 'elsewhere' }],
        ['other', { ...folder, format: 'ndjson.gz' }],
      ] as const)
        expect([name, (await put(name, body)).status]).to.deep.equal([name, 409]);
    });

    it('refuses what is outside of its folder, and variables of other uses', async () => {
      const keys = { access_key_env: 'MODELROUTE_EXPORT_KEY' };
      const secrets = { access_key_env: 'MODELROUTE_MASTER_KEY', secret_key_env: 'PATH' };
      const bucket = { bucket: 'acme-events' };
      for (const wrong of [
        { format: 'parquet' },
        { ...folder, s3: bucket },
        { format: 'parquet', s3: { ...bucket, ...keys } },
        { format: 'parquet', s3: { ...bucket, ...secrets } },
        { format: 'csv', folder: 'acme' },
        ...['../acme', '/etc', 'a//b', 'a/../b', '.hidden', 'a\u0000b'].map((at) => ({
          format: 'parquet',
          folder: at,
        })),
        { ...folder, organization_id: 'org_99999999-9999-4999-8999-999999999999' },
      ])
        expect([wrong, (await put('wrong', wrong)).status]).to.deep.equal([wrong, 400]);
      expect((await put('No-Name', folder)).status).to.be.oneOf([400, 404]);
    });

    const topic = { brokers: ['kafka.example.com:9093'], topic: 'acme.events' };
    const login = {
      sasl: 'scram-sha-512',
      username_env: 'MODELROUTE_EXPORT_USER',
      password_env: 'MODELROUTE_EXPORT_PASSWORD',
    };

    it('to a topic, in small plans, and with what only operators know', async () => {
      const kafka = { ...topic, ...login };
      const body = { format: 'cloudevents', kafka, operator_columns: true };
      const set = await put('topic', body);
      expect(set.status).to.equal(200);
      expect(set.json).to.deep.include({ kafka, operator_columns: true, folder: null });
      expect(set.json).to.deep.include({ events_max: 1_000, delay_seconds: 1 });
      const changed = { ...topic, tls: false };
      expect((await put('topic', { ...body, kafka: changed })).json).to.deep.include({
        kafka: changed,
      });
      for (const [name, other] of [
        ['topic', { operator_columns: false }],
        ['topic', { kafka: { ...kafka, topic: 'other' } }],
        ['same', {}],
      ] as const)
        expect((await put(name, { ...body, ...other })).status).to.equal(409);
    });

    it('refuses a topic of files, open passwords, and what is only for operators', async () => {
      const { status } = await api.asOperator('POST', '/admin/v1/organizations', { name: 'Acme' });
      expect(status).to.equal(201);
      const created = (await models.events()).find(({ type }) => type === 'OrganizationCreated');
      const { organizationId } = created!.data as { readonly organizationId: string };
      const own = { ...folder, folder: 'own', organization_id: organizationId };
      const body = { format: 'cloudevents', kafka: topic };
      for (const wrong of [
        { ...own, operator_columns: true },
        { ...body, format: 'parquet' },
        { ...folder, format: 'cloudevents' },
        { ...body, folder: 'acme' },
        { ...body, events_max: 10_001 },
        { ...body, kafka: { ...topic, ...login, sasl: 'plain', tls: false } },
        { ...body, kafka: { ...topic, sasl: 'plain' } },
        { ...body, kafka: { ...topic, ...login, password_env: 'MODELROUTE_MASTER_KEY' } },
        { ...body, kafka: { ...topic, topic: '..' } },
        { ...body, kafka: { ...topic, brokers: [] } },
        { ...body, kafka: { ...topic, brokers: ['http://kafka.example.com:9093'] } },
        { ...body, kafka: { ...topic, brokers: ['kafka.example.com'] } },
      ])
        expect([wrong, (await put('wrong', wrong)).status]).to.deep.equal([wrong, 400]);
      expect((await put('own', own)).json).to.deep.include({ operator_columns: false });
    });

    it('and lets one go on that came with an import', async () => {
      await models.pool.query(`UPDATE processing.exports SET paused = true WHERE name = 'own'`);
      const { organization_id: id } = (
        await models.pool.query<{ organization_id: string }>(
          `SELECT organization_id FROM processing.exports WHERE name = 'own'`,
        )
      ).rows[0]!;
      const again = await put('own', { ...folder, folder: 'own', organization_id: id });
      expect(again.json).to.deep.include({ state: 'beginning' });
      const { rows } = await models.pool.query(`SELECT FROM processing.exports WHERE paused`);
      expect(rows).to.deep.equal([]);
    });

    it('until they are removed', async () => {
      const remove = () => api.asOperator('DELETE', `${path}/acme`);
      expect([(await remove()).status, (await remove()).status]).to.deep.equal([204, 204]);
      expect((await put('other', folder)).status).to.equal(200);
    });
  });
});
