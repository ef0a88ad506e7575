import { expect } from 'chai';
import { streamOf } from '../../contracts/streams.js';
import { files as table } from '../../infra/read-store/tables/files.js';
import { at, openReadModels, ORGANIZATION, type ReadModels } from '../testing/kit.js';
import { files } from './files.js';

describe('projection files', () => {
  let models: ReadModels;
  before(async () => {
    models = await openReadModels();
  });
  beforeEach(() => models.reset());
  after(() => models?.close());

  it('given a stored file, then what is known of its bytes', async () => {
    const fileId = 'file_77777777-7777-4777-8777-777777777777';
    const executionId = 'exec_33333333-3333-4333-8333-333333333333';
    const [sha256, contentType] = ['cd'.repeat(32), 'image/png'];
    await models.append({
      stream: streamOf('file', fileId),
      type: 'FileStored',
      data: {
        fileId,
        organizationId: ORGANIZATION,
        executionId,
        purpose: 'OUTPUT',
        contentType,
        format: 'png',
        sizeBytes: 150_000_000,
        sha256,
        width: 1024,
        height: 768,
        at: at(1),
      },
    });
    await models.project(files);
    expect(await models.rows(table)).to.deep.equal([
      {
        id: fileId,
        organization_id: ORGANIZATION,
        execution_id: executionId,
        purpose: 'OUTPUT',
        content_type: contentType,
        format: 'png',
        size_bytes: '150000000',
        sha256,
        width: 1024,
        height: 768,
        created_at: at(1),
        position: '0',
      },
    ]);
  });
});
