/** Downloads where callers may reach the file store, and what happens when it is away. */
import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { request } from 'undici';
import type { FileId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { openMemoryDataKeys } from '../../infra/data-keys/testing/memory.js';
import { openFileStore } from '../../infra/files/file-store.js';
import { fileKey } from '../../infra/files/key.js';
import { openS3Files } from '../../infra/files/s3.js';
import { openS3, type S3 } from '../../infra/object-store/client.js';
import { at, ORGANIZATION } from '../../projectors/testing/kit.js';
import type { Client } from '../../testing/client.js';
import { versitygwInSuite } from '../../infra/object-store/testing/versitygw.js';
import { openQueryServer, type QueryServer } from '../testing/kit.js';

const BYTES = Buffer.from('0123456789');

for (const isPublic of [true, false])
  describe(`query API: files in a bucket, callers ${isPublic ? '' : 'do not '}reach it`, () => {
    const store = versitygwInSuite();
    const FILE: FileId = `file_${randomUUID()}`;
    let s3: S3;
    let server: QueryServer;
    let api: Client;
    let key: string;
    before(async () => {
      const { config, endpoint } = store();
      s3 = await openS3({ ...config, ...(isPublic && { publicEndpoint: endpoint }) });
      const form = isPublic ? 'plain' : 'encrypted';
      const stored = { objects: openS3Files(s3), keys: openMemoryDataKeys() };
      server = await openQueryServer({ files: openFileStore({ ...stored, form }) });
      api = await server.tenant(ORGANIZATION);
      key = api.apiKey;
      const kept = await server.keepFile(FILE, BYTES);
      await server.models.append({
        stream: streamOf('file', FILE),
        type: 'FileStored',
        data: {
          fileId: FILE,
          organizationId: ORGANIZATION,
          purpose: 'OUTPUT',
          executionId: 'exec_33333333-3333-4333-8333-333333333333',
          contentType: 'image/png',
          format: 'png',
          ...kept,
          width: 5,
          height: 2,
          at: at(0),
        },
      });
    });
    after(async () => {
      await server?.close();
      s3?.close();
    });

    const ask = (method: 'GET' | 'HEAD', headers: Record<string, string> = {}) =>
      request(`${server.baseUrl}/v1/files/${FILE}/download`, {
        method,
        headers: { authorization: `Bearer ${key}`, ...headers },
      });

    if (isPublic) {
      it('are given by the store itself', async () => {
        const answer = await ask('GET');
        await answer.body.dump();
        expect(answer.statusCode).to.equal(302);
        expect(answer.headers['cache-control']).to.equal('no-store');
        const there = await request(String(answer.headers['location']));
        expect([there.statusCode, await there.body.text()]).to.deep.equal([200, '0123456789']);
        expect(there.headers).to.include({
          'content-type': 'image/png',
          'content-disposition': `attachment; filename="${FILE}.png"`,
        });
      });

      it('are described by us, and not sent to whom has them', async () => {
        const head = await ask('HEAD');
        expect([head.statusCode, head.headers['content-length']]).to.deep.equal([200, '10']);
        const etag = String(head.headers['etag']);
        expect((await ask('GET', { 'if-none-match': etag })).statusCode).to.equal(304);
      });

      it("are nobody else's", async () => {
        const stranger = await server.tenant('org_99999999-9999-4999-8999-999999999999');
        const { status } = await stranger.call('GET', `/files/${FILE}/download`);
        expect(status).to.equal(404);
      });
    } else {
      it('are streamed, whole and in part', async () => {
        const { statusCode, body } = await ask('GET');
        expect([statusCode, await body.text()]).to.deep.equal([200, '0123456789']);
        const part = await ask('GET', { range: 'bytes=-3' });
        expect([part.statusCode, await part.body.text()]).to.deep.equal([206, '789']);
      });

      it('are not to be had while the store is away', async () => {
        await store().kill9();
        try {
          const { statusCode, headers, body } = await ask('GET');
          const { error } = (await body.json()) as { error: { code: string } };
          expect([statusCode, error.code]).to.deep.equal([503, 'SERVICE_UNAVAILABLE']);
          expect(headers['retry-after']).to.equal('1');
        } finally {
          await store().restart();
        }
        expect((await ask('GET')).statusCode).to.equal(200);
      });

      it('are never given damaged', async () => {
        const key = fileKey({ id: FILE, form: 'encrypted' });
        const path = join(store().dir, 'modelroute', 'files', key);
        const stored = await readFile(path);
        stored.writeUInt8(stored.readUInt8(stored.length - 17) ^ 1, stored.length - 17);
        await writeFile(path, stored);
        const reading = ask('GET').then(({ body }) => body.text());
        expect(await reading.catch(() => 'broken off')).to.equal('broken off');
      });
    }
  });
