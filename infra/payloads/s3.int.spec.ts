import { versitygwInSuite } from '../../test/support/versitygw.js';
import { openS3 } from '../s3/client.js';
import { payloadsContract } from './contract.js';
import { openS3Payloads } from './s3.js';

describe('payloads in a bucket', () => {
  const server = versitygwInSuite();

  payloadsContract('s3', async () => {
    const s3 = await openS3(server().config);
    return { payloads: openS3Payloads(s3), close: async () => s3.close() };
  });
});
