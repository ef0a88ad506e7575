import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { versitygwInSuite } from '../object-store/testing/versitygw.js';
import { openMemoryDataKeys } from '../data-keys/testing/memory.js';
import { StoreUnavailable } from '../event-store/port.js';
import { openS3, type S3 } from '../object-store/client.js';
import { payloadOf, payloadsContract, refOf } from './testing/contract.js';
import { sweepableContract } from '../files/testing/sweepable-contract.js';
import { payloadKey, payloadName } from './key.js';
import { openS3Payloads } from './s3.js';
import { openSealedPayloads } from './sealed.js';

describe('payloads in a bucket', () => {
  const server = versitygwInSuite();
  let s3: S3;
  before(async () => {
    s3 = await openS3(server().config);
  });
  after(() => s3?.close());

  payloadsContract('s3', async () => {
    const own = await openS3(server().config);
    const payloads = openSealedPayloads(openMemoryDataKeys(), openS3Payloads(own));
    return { payloads, close: async () => own.close() };
  });

  sweepableContract('payloads in a bucket', async () => {
    const own = await openS3(server().config);
    const store = openS3Payloads(own);
    const put = async () => {
      const payload = payloadOf(randomBytes(10));
      await store.put(payload);
      return payloadName(payload.ref);
    };
    return { store, put, close: async () => own.close() };
  });

  it('throws for one that was damaged', async () => {
    const payloads = openSealedPayloads(openMemoryDataKeys(), openS3Payloads(s3));
    const payload = payloadOf(randomBytes(100_000));
    await payloads.put(payload);
    const key = `payloads/${payloadKey(payload.ref)}`;
    await appendFile(join(server().dir, s3.bucket, key), 'x');
    const thrown = await payloads.get(refOf(payload)).catch(String);
    expect(thrown).to.equal(`Error: the payload ${payload.ref} is not as it was stored`);
  });

  it('says that the store is away, and keeps what it had', async () => {
    const payloads = openS3Payloads(s3);
    const payload = payloadOf(randomBytes(100_000));
    await payloads.put(payload);
    await server().kill9();
    try {
      const calls = [
        payloads.put(payloadOf(randomBytes(100_000))),
        payloads.get(refOf(payload)),
        payloads.remove('nothing'),
      ];
      for (const call of await Promise.allSettled(calls))
        expect('reason' in call && call.reason).to.be.instanceOf(StoreUnavailable);
    } finally {
      await server().restart();
    }
    expect((await payloads.get(refOf(payload)))?.equals(payload.bytes)).to.equal(true);
  });
});
