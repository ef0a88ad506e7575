/** Opening a bucket: what is made, and what an operator is told. */
import { ListBucketsCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { freePort } from '../../testing/free-port.js';
import { versitygwInSuite } from './testing/versitygw.js';
import type { S3Config } from '../config/config.js';
import { StartError } from '../start-error.js';
import { openS3 } from './client.js';

describe('a bucket', () => {
  const server = versitygwInSuite();

  const refusalOf = async (change: Partial<S3Config>): Promise<string> => {
    const thrown = await openS3({ ...server().config, ...change }).catch((error: unknown) => error);
    expect(thrown).to.be.instanceOf(StartError);
    return (thrown as StartError).message;
  };

  it('is made when it is not there, also by many processes at once', async () => {
    const bucket = `spec-${randomBytes(6).toString('hex')}`;
    const opened = await Promise.all(
      Array.from({ length: 5 }, () => openS3({ ...server().config, bucket })),
    );
    await Promise.all(opened.map((s3) => s3.check()));
    const { Buckets = [] } = (await opened[0]?.client.send(new ListBucketsCommand())) ?? {};
    expect(Buckets.map(({ Name }) => Name)).to.include(bucket);
    for (const s3 of opened) s3.close();
  });

  it('compares the digest of what it is sent', async () => {
    const s3 = await openS3(server().config);
    const ContentMD5 = Buffer.alloc(16).toString('base64');
    const object = { Bucket: s3.bucket, Key: 'spec/damaged', Body: 'bytes', ContentMD5 };
    const thrown = await s3.client.send(new PutObjectCommand(object)).catch(String);
    expect(thrown).to.match(/^BadDigest/);
    s3.close();
  });

  it('names S3_ENDPOINT when nobody answers there', async () => {
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    expect(await refusalOf({ endpoint })).to.equal(
      `The S3 store ${endpoint} cannot be used (connect ECONNREFUSED ${endpoint.slice(7)}): ` +
        'check S3_ENDPOINT and that the server runs.',
    );
    expect(await refusalOf({ endpoint: 'http://no-such-host.invalid' })).to.match(/S3_ENDPOINT/);
  });

  it('names the keys when they are refused', async () => {
    const credentials = { accessKeyId: 'nobody', secretAccessKey: 'wrong' };
    expect(await refusalOf({ credentials })).to.match(
      /does not give us the bucket .* AWS_ACCESS_KEY_ID/,
    );
    const { accessKeyId = '' } = server().config.credentials ?? {};
    const wrong = { accessKeyId, secretAccessKey: 'wrong' };
    expect(await refusalOf({ credentials: wrong })).to.match(/AWS_SECRET_ACCESS_KEY/);
  });

  it('names S3_BUCKET when it can be neither found nor made', async () => {
    expect(await refusalOf({ bucket: 'No_Bucket' })).to.match(/No_Bucket .* check S3_BUCKET/);
  });

  it('says in time that a frozen store does not answer', async () => {
    server().signal('SIGSTOP');
    try {
      expect(await refusalOf({})).to.match(/\(no answer in time\): check S3_ENDPOINT/);
    } finally {
      server().signal('SIGCONT');
    }
  });
});
