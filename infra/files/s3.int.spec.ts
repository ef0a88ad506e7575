import { versitygwInSuite } from '../../test/support/versitygw.js';
import { openS3 } from '../s3/client.js';
import { filesContract } from './contract.js';
import { openS3Files } from './s3.js';

describe('files in a bucket', () => {
  const server = versitygwInSuite();

  filesContract('s3', async () => {
    const s3 = await openS3(server().config);
    return { files: openS3Files(s3), close: async () => s3.close() };
  });
});
