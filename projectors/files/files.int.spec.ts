import { expect } from 'chai';
import { streamOf } from '../../contracts/streams.js';
import { awaitedFiles } from '../../infra/read-store/awaited-files.js';
import type { Row } from '../../infra/read-store/table.js';
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
        status: 'stored',
        purpose: 'OUTPUT',
        content_type: contentType,
        format: 'png',
        size_bytes: '150000000',
        sha256,
        width: 1024,
        height: 768,
        created_at: at(1),
        revision: 0,
        position: '0',
      },
    ]);
  });

  it('given an upload and a deletion, then a row until its bytes go', async () => {
    const fileId = 'file_88888888-8888-4888-8888-888888888888';
    const stream = streamOf('file', fileId);
    const fact = { fileId, organizationId: ORGANIZATION, at: at(1) } as const;
    const [sizeBytes, sha256] = [5, 'ab'.repeat(32)];
    const content = { contentType: 'image/png', format: 'png', sizeBytes, sha256 };
    const asked = {
      ...fact,
      apiKeyId: KEY,
      purpose: 'INPUT',
      ttlDays: 1,
      uploadExpiresAt: at(2),
    } as const;
    const confirmed = {
      ...fact,
      ...content,
      purpose: 'INPUT',
      expiresAt: at(9),
      at: at(3),
    } as const;
    const statuses = async () =>
      ((await models.rows(table)) as Row[]).map((row) => [
        row['status'],
        row['size_bytes'],
        row['revision'],
      ]);
    const awaited = (max: number) => awaitedFiles(models.pool, ORGANIZATION, max);
    await models.append({ stream, type: 'FileUploadRequested', data: asked });
    await models.project(files);
    expect(await statuses()).to.deep.equal([['awaited', undefined, 0]]);
    expect([await awaited(5), await awaited(0)]).to.deep.equal([1, 0]);
    await models.append({ stream, type: 'FileUploaded', data: { ...fact, sizeBytes, sha256 } });
    await models.append({ stream, type: 'FileConfirmed', data: confirmed });
    await models.project(files);
    expect(await statuses()).to.deep.equal([['stored', '5', 2]]);
    expect(await awaited(5)).to.equal(0);
    await models.append({ stream, type: 'FileDeleted', data: { ...fact, sizeBytes } });
    await models.project(files);
    expect(await statuses()).to.deep.equal([['gone', '5', 3]]);
    await models.append({ stream, type: 'FileRemoved', data: fact });
    await models.project(files);
    expect(await models.rows(table)).to.deep.equal([]);
  });
});

const KEY = 'key_44444444-4444-4444-8444-444444444444';
