import { expect } from 'chai';
import { streamOf } from '../../contracts/streams.js';
import { apiKeys, organizations as table } from '../../infra/read-store/tables/organizations.js';
import { at, openReadModels, ORGANIZATION, type Fact, type ReadModels } from '../testing/kit.js';
import { organizations } from './organizations.js';

const keyId = 'key_22222222-2222-4222-8222-222222222222';
const key = { keyId, organizationId: ORGANIZATION } as const;
const created: Fact = {
  stream: streamOf('organization', ORGANIZATION),
  type: 'OrganizationCreated',
  data: { organizationId: ORGANIZATION, name: 'Acme \0 & Söhne "Ltd" \\ 川', at: at(0) },
};
const keyCreated: Fact = {
  stream: streamOf('apiKey', keyId),
  type: 'ApiKeyCreated',
  data: {
    ...key,
    name: 'production',
    permission: 'FULL',
    hash: 'ef'.repeat(32),
    hint: '1a2b',
    expiresAt: at(900),
    at: at(1),
  },
};
const keyRevoked: Fact = {
  stream: streamOf('apiKey', keyId),
  type: 'ApiKeyRevoked',
  data: { ...key, at: at(2) },
};

describe('projection organizations', () => {
  let models: ReadModels;
  before(async () => {
    models = await openReadModels();
  });
  beforeEach(() => models.reset());
  after(() => models?.close());

  it('given a tenant and its keys, then what an operator may know of them', async () => {
    await models.append(created, keyCreated);
    await models.project(organizations);
    const name = 'Acme \ufffd & Söhne "Ltd" \\ 川';
    expect(await models.rows(table)).to.deep.equal([
      { id: ORGANIZATION, name, created_at: at(0), position: '0' },
    ]);
    const row = {
      id: keyId,
      organization_id: ORGANIZATION,
      name: 'production',
      permission: 'FULL',
      hint: '1a2b',
      created_at: at(1),
      expires_at: at(900),
    };
    expect(await models.rows(apiKeys)).to.deep.equal([{ ...row, position: '1' }]);
    await models.append(keyRevoked);
    await models.project(organizations);
    expect(await models.rows(apiKeys)).to.deep.equal([
      { ...row, revoked_at: at(2), position: '2' },
    ]);
  });
});
