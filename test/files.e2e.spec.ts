/** A file's way through the whole system: uploaded, used, read, linked, deleted. */
import { expect } from 'chai';
import { hash, randomUUID } from 'node:crypto';
import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import type { FileId } from '../contracts/ids.js';
import { fileKey } from '../infra/files/key.js';
import { behave, behaveWell, callsFor } from '../sandbox/testing/behaviour.js';
import { newTenant, send, type ErrorBody, type Tenant } from '../testing/client.js';
import { eventually } from '../testing/eventually.js';
import { sharedSystem } from '../testing/system-in-suite.js';
import { accept, imageOf, newKey, whenOver } from './testing/executions.js';

describe('a file', function () {
  this.timeout(60_000);
  const system = sharedSystem();
  let tenant: Tenant;
  before(async () => {
    tenant = await newTenant(system());
  });
  afterEach(() => behaveWell(system().sandboxUrl));

  const call = <T>(method: string, path: string, body?: object) =>
    tenant.api.call<T>(method, path, body ? { body } : {});
  const uploaded = async (bytes: Buffer) => {
    const { body } = await call<Leave>('POST', '/files/upload', { purpose: 'INPUT', ttl_days: 1 });
    const sent = await send(body.upload_url, 'PUT', { body: bytes, headers: A_LIE });
    expect(sent.status, sent.text).to.equal(200);
    const confirmed = await call<Confirmed>('POST', '/files/confirm', { file_id: body.file_id });
    expect(confirmed.status, confirmed.text).to.equal(200);
    return { url: body.upload_url, ...confirmed.body };
  };
  /** Whether the bytes lie in the store; of a cluster's bucket nothing is known here. */
  const lies = async (id: FileId) =>
    access(join(system().dataDir, 'files', fileKey({ id, form: 'encrypted' }))).then(
      () => true,
      () => false,
    );

  it('is uploaded, is an input while its execution runs, and is gone after that', async () => {
    const picture = pngOf(`taken at home ${randomUUID()}`);
    const { file_id: id, url, ...known } = await uploaded(picture);
    const { expires_at: expiresAt, ...told } = known;
    const sha256 = hash('sha256', picture, 'hex');
    expect(told).to.deep.equal({ content_type: 'image/png', size_bytes: picture.length, sha256 });
    expect((Date.parse(expiresAt) - Date.now()) / 3_600_000).to.be.within(23.9, 24.1);
    expect((await send(url, 'PUT', { body: Buffer.from('others') })).status).to.equal(409);

    await behave(system().sandboxUrl, { aurora: { latency: 1_000 }, borealis: { latency: 1_000 } });
    const asked = imageOf('The same at night');
    const input = { ...asked.input, image: id };
    const execution = await accept(tenant.api, { ...asked, input });
    const calls = () => callsFor(system().sandboxUrl, execution.id);
    await eventually('the provider is called', async () => (await calls()).length > 0);
    const link = await call<{ url: string }>('GET', `/files/${id}/url?expires_in=60`);
    expect((await send(link.body.url, 'GET')).bytes.equals(picture)).to.equal(true);
    expect((await call('DELETE', `/files/${id}`)).status).to.equal(204);
    for (const path of [`/files/${id}`, `/files/${id}/download`, `/files/${id}/url`])
      expect((await call('GET', path)).status).to.equal(404);
    expect((await send(link.body.url, 'GET')).status).to.equal(404);
    expect(await lies(id)).to.equal(true);
    expect((await whenOver(tenant.api, execution.id)).status).to.equal('COMPLETED');
    await eventually('its bytes are removed', async () => !(await lies(id)), 15_000);

    const again = await tenant.api.call<ErrorBody>('POST', '/executions', {
      body: { ...asked, input },
      headers: { 'idempotency-key': newKey() },
    });
    const { code, details = [] } = again.body.error;
    expect([again.status, code, details[0]?.field]).to.deep.equal([
      400,
      'FILE_NOT_FOUND',
      'input.image',
    ]);
  });

  it('is nowhere in the data folder as it came, and is read whole and in part', async () => {
    const canary = `canary ${randomUUID()}`;
    const text = Buffer.from(`${canary}\n`.repeat(5_000));
    const { file_id: id } = await uploaded(text);
    const { url } = (await call<{ url: string }>('GET', `/files/${id}/url?expires_in=60`)).body;
    expect((await send(url, 'GET')).bytes.equals(text)).to.equal(true);
    for (const range of ['bytes=65530-65550', 'bytes=131072-131072', 'bytes=-70000']) {
      const [, start = '', end = ''] = /^bytes=(\d*)-(\d*)$/.exec(range) ?? [];
      const from = start === '' ? text.length - Number(end) : Number(start);
      const part = await send(url, 'GET', { headers: { range } });
      expect(part.status).to.equal(206);
      const wanted = text.subarray(from, start === '' ? text.length : Number(end) + 1);
      expect(part.bytes.equals(wanted), range).to.equal(true);
    }
    expect(await lies(id)).to.equal(true);
    const { dataDir } = system();
    const grep = promisify(execFile)('grep', ['-rlF', canary, dataDir]);
    const found = await grep.catch(({ code }: { readonly code: unknown }) => code);
    expect(found, 'grep finds nothing').to.equal(1);
  });

  it('is what its bytes are, and is never run', async () => {
    const page = await uploaded(Buffer.from('<html><script>alert(1)</script></html>'));
    expect(page.content_type).to.equal('text/html');
    const { headers } = await call('GET', `/files/${page.file_id}/download`);
    expect(headers['content-disposition']).to.equal(`attachment; filename="${page.file_id}.html"`);
    expect(headers['x-content-type-options']).to.equal('nosniff');
    expect((await call('DELETE', `/files/${page.file_id}`)).status).to.equal(204);
    await eventually('its bytes are removed', async () => !(await lies(page.file_id)));
  });
});

interface Leave {
  readonly file_id: FileId;
  readonly upload_url: string;
}

interface Confirmed {
  readonly file_id: FileId;
  readonly content_type: string;
  readonly size_bytes: number;
  readonly sha256: string;
  readonly expires_at: string;
}

/** What a client says of bytes is not looked at. */
const A_LIE = { 'content-type': 'application/pdf' };

/** One white pixel, and a text beside it. */
function pngOf(comment: string): Buffer {
  const chunk = (type: string, body: Buffer) => {
    const named = Buffer.concat([Buffer.from(type), body]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(body.length);
    sum.writeUInt32BE(crc32(named));
    return Buffer.concat([length, named, sum]);
  };
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', Buffer.from('00000001000000010802000000', 'hex')),
    chunk('tEXt', Buffer.from(`Comment\0${comment}`)),
    chunk('IDAT', Buffer.from('789c63f8ffff3f0005fe02fe', 'hex')),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
