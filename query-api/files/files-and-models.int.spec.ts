/** Reading files, whole and in part, and models without those who run them. */
import { expect } from 'chai';
import { request } from 'undici';
import type { FileEvent } from '../../contracts/events/file.js';
import type { FileId, OrganizationId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { at, ORGANIZATION } from '../../projectors/testing/kit.js';
import { linkToken } from '../../infra/files/links.js';
import { refuseProviderNames, type Client } from '../../testing/client.js';
import { eventually } from '../../testing/eventually.js';
import { openQueryServer, type QueryServer } from '../testing/kit.js';

const OTHER: OrganizationId = 'org_99999999-9999-4999-8999-999999999999';
const EXECUTION = 'exec_33333333-3333-4333-8333-333333333333';
const FILE: FileId = 'file_77777777-7777-4777-8777-777777777777';
const BYTES = Buffer.from('0123456789');

interface Link {
  readonly url: string;
  readonly expires_at: string;
}

describe('query API: files and models', () => {
  let server: QueryServer;
  let api: Client;
  let stranger: Client;
  let sha256 = '';
  before(async () => {
    server = await openQueryServer();
    api = await server.tenant(ORGANIZATION, 'EXECUTION_ONLY');
    stranger = await server.tenant(OTHER);
    ({ sha256 } = await keep(FILE, 'image/png', 'png'));
  });
  after(() => server?.close());

  const keep = async (fileId: FileId, contentType: string, format: string) => {
    const kept = await server.keepFile(fileId, BYTES);
    await server.models.append({
      stream: streamOf('file', fileId),
      type: 'FileStored',
      data: {
        fileId,
        organizationId: ORGANIZATION,
        executionId: EXECUTION,
        purpose: 'OUTPUT',
        contentType,
        format,
        ...kept,
        width: 5,
        height: 2,
        at: at(0),
      },
    });
    return kept;
  };
  const download = (headers: Record<string, string> = {}, id = FILE) =>
    api.call('GET', `/files/${id}/download`, { headers });

  it('describes a file, before and after a projection has seen it', async () => {
    const described = {
      file_id: FILE,
      purpose: 'OUTPUT',
      content_type: 'image/png',
      format: 'png',
      size_bytes: 10,
      sha256,
      width: 5,
      height: 2,
      duration_ms: null,
      execution_id: EXECUTION,
      created_at: at(0),
      expires_at: null,
    };
    expect((await api.call('GET', `/files/${FILE}`)).body).to.deep.equal(described);
    server.startProjecting();
    await api.all('/executions');
    await server.stopProjecting();
    expect((await api.call('GET', `/files/${FILE}`)).body).to.deep.equal(described);
  });

  it('gives its bytes, and says what they are', async () => {
    const { status, headers, text } = await download();
    expect([status, text]).to.deep.equal([200, '0123456789']);
    expect(headers).to.include({
      'content-type': 'image/png',
      'content-length': '10',
      etag: `"${sha256}"`,
      'content-disposition': 'inline',
      'x-content-type-options': 'nosniff',
      'accept-ranges': 'bytes',
    });
  });

  it('gives a part of them', async () => {
    const part = async (range: string, more: Record<string, string> = {}) => {
      const { status, headers, text } = await download({ range, ...more });
      return [status, headers['content-range'], status === 416 ? '' : text];
    };
    expect(await part('bytes=2-4')).to.deep.equal([206, 'bytes 2-4/10', '234']);
    expect(await part('BYTES=2-4')).to.deep.equal([206, 'bytes 2-4/10', '234']);
    expect(await part('bytes=7-')).to.deep.equal([206, 'bytes 7-9/10', '789']);
    expect(await part('bytes=7-99')).to.deep.equal([206, 'bytes 7-9/10', '789']);
    expect(await part('bytes=-3')).to.deep.equal([206, 'bytes 7-9/10', '789']);
    expect(await part('bytes=-99')).to.deep.equal([206, 'bytes 0-9/10', '0123456789']);
    expect(await part('bytes=10-')).to.deep.equal([416, 'bytes */10', '']);
    expect(await part('bytes=-0')).to.deep.equal([416, 'bytes */10', '']);
    for (const ignored of ['bytes=4-2', 'bytes=0-1,3-4', 'lines=1-2', 'bytes=', 'bytes=a-b'])
      expect(await part(ignored)).to.deep.equal([200, undefined, '0123456789']);
    const [same, other] = [`"${sha256}"`, '"other"'];
    expect((await part('bytes=2-4', { 'if-range': same }))[0]).to.equal(206);
    expect((await part('bytes=2-4', { 'if-range': other }))[0]).to.equal(200);
  });

  it('gives no bytes to whom has them', async () => {
    const { status, bytes } = await download({ 'if-none-match': `"x", "${sha256}"` });
    expect([status, bytes.length]).to.deep.equal([304, 0]);
  });

  it('never lets a browser run what was stored', async () => {
    const programs: [FileId, string, string][] = [
      ['file_00000000-0000-4000-8000-000000000001', 'text/html', 'html'],
      ['file_00000000-0000-4000-8000-000000000002', 'image/svg+xml', 'svg'],
    ];
    for (const [id, contentType, format] of programs) {
      await keep(id, contentType, format);
      expect((await download({}, id)).headers['content-disposition']).to.equal(
        `attachment; filename="${id}.${format}"`,
      );
    }
  });

  it('gives links that need no key, until they end or the file goes', async () => {
    const id: FileId = 'file_00000000-0000-4000-8000-000000000003';
    await keep(id, 'image/png', 'png');
    const link = await api.call<Link>('GET', `/files/${id}/url?expires_in=60`);
    expect(link.status).to.equal(200);
    const lifeS = (Date.parse(link.body.expires_at) - Date.now()) / 1_000;
    expect(lifeS).to.be.within(50, 61);
    const { url } = link.body;
    expect(url.startsWith(`${server.baseUrl}/v1/files/content/`)).to.equal(true);
    for (const said of [id.slice(5), ORGANIZATION.slice(4)]) expect(url).not.to.include(said);
    const read = async (headers: Record<string, string> = {}, at = url) => {
      const { statusCode, headers: got, body } = await request(at, { headers });
      return [statusCode, got['etag'], await body.text()];
    };
    expect(await read()).to.deep.equal([200, `"${sha256}"`, '0123456789']);
    expect(await read({ range: 'bytes=1-2' })).to.deep.equal([206, `"${sha256}"`, '12']);
    for (const wrong of [`${url}A`, url.slice(0, -1), url.replace(/.$/, '!')])
      expect((await read({}, wrong))[0]).to.equal(404);
    for (const seconds of [0, 604_801, 'x'])
      expect((await api.call('GET', `/files/${id}/url?expires_in=${seconds}`)).status).to.equal(
        400,
      );
    const short = await api.call<Link>('GET', `/files/${id}/url?expires_in=1`);
    expect((await read({}, short.body.url))[0]).to.equal(200);
    await eventually('the link ends', async () => (await read({}, short.body.url))[0] === 404);
    await server.models.append({
      stream: streamOf('file', id),
      type: 'FileDeleted',
      data: { fileId: id, organizationId: ORGANIZATION, sizeBytes: 10, at: at(1) },
    });
    expect((await read())[0]).to.equal(404);
    for (const rest of ['', '/download', '/url'])
      expect((await api.call('GET', `/files/${id}${rest}`)).status).to.equal(404);
  });

  it('gives a provider the bytes and nothing else, while its attempt lasts', async () => {
    const id: FileId = 'file_00000000-0000-4000-8000-000000000004';
    await keep(id, 'image/png', 'png');
    const { fileLinkKey } = server.secrets;
    const urlFor = (ms: number) => {
      const link = { use: 'input', fileId: id, expiresAtMs: Date.now() + ms } as const;
      return `${server.baseUrl}/v1/files/content/${linkToken(fileLinkKey, link)}`;
    };
    const { statusCode, headers, body } = await request(urlFor(60_000));
    expect([statusCode, await body.text()]).to.deep.equal([200, '0123456789']);
    expect(JSON.stringify(headers)).not.to.include(id.slice(5));
    expect(headers['etag']).to.equal(undefined);
    const part = await request(urlFor(60_000), { headers: { range: 'bytes=3-5' } });
    expect([part.statusCode, await part.body.text()]).to.deep.equal([206, '345']);
    expect(part.headers['content-range']).to.equal('bytes 3-5/10');
    const behind = await request(urlFor(60_000), { headers: { range: 'bytes=10-' } });
    await behind.body.dump();
    expect(behind.statusCode).to.equal(416);
    const head = await request(urlFor(60_000), { method: 'HEAD' });
    expect([head.statusCode, head.headers['content-length']]).to.deep.equal([200, '10']);
    const late = await request(urlFor(-1));
    await late.body.dump();
    expect(late.statusCode).to.equal(404);
  });

  it('has in the log who read what, the first at once and others by the minute', async () => {
    const id: FileId = 'file_00000000-0000-4000-8000-000000000005';
    await keep(id, 'image/png', 'png');
    for (let times = 0; times < 3; times += 1) await download({}, id);
    await api.call('HEAD', `/files/${id}/download`);
    await download({ 'if-none-match': `"${sha256}"` }, id);
    const { body } = await api.call<Link>('GET', `/files/${id}/url`);
    await (await request(body.url)).body.dump();
    const readings = async () => {
      const events = await server.models.store.readStream(streamOf('file', id));
      return (events as readonly FileEvent[]).flatMap((event) =>
        event.type === 'FileDownloaded' ? event.data.readers : [],
      );
    };
    const [first, ...none] = await readings();
    const { actor = '' } = first ?? {};
    expect([first, none]).to.deep.equal([{ actor, ip: '127.0.0.1', times: 1 }, []]);
    expect(actor).to.match(/^key_/);
    await server.downloadLog.close();
    expect(await readings()).to.deep.equal([
      first,
      { actor, ip: '127.0.0.1', times: 2 },
      { actor: `link:${actor}`, ip: '127.0.0.1', times: 1 },
    ]);
  });

  it("answers another tenant's file as one that does not exist", async () => {
    const made = 'file_00000000-0000-4000-8000-000000000009';
    for (const rest of ['', '/download', '/url']) {
      const headers = { 'x-request-id': 'same', range: 'bytes=0-1' };
      const seen = await stranger.call('GET', `/files/${FILE}${rest}`, { headers });
      const never = await stranger.call('GET', `/files/${made}${rest}`, { headers });
      expect([seen.status, seen.text]).to.deep.equal([404, never.text]);
    }
  });

  it('shows models with what they cost at most, and nobody who runs them', async () => {
    const models = await api.all<{ readonly slug: string }>('/models');
    const slugs = models.map(({ slug }) => slug);
    expect(slugs).to.include.members(['flux-1.1-pro', 'text-generation-standard']);
    expect(slugs).to.deep.equal([...slugs].sort());
    const { status, body, text } = await api.call<{ price: Record<string, string> }>(
      'GET',
      '/models/flux-1.1-pro',
    );
    expect(status).to.equal(200);
    expect(body).to.deep.equal(models[slugs.indexOf('flux-1.1-pro')]);
    expect(body).to.have.all.keys(
      'slug',
      'name',
      'modality',
      'capabilities',
      'description',
      'input_schema',
      'output_schema',
      'price',
      'limits',
    );
    expect(body.price['per_image']).to.match(/^0\.\d{3,}$/);
    refuseProviderNames('/models', JSON.stringify(models) + text);
    expect((await api.call('GET', '/models/no-such')).status).to.equal(404);
    expect((await api.call('GET', '/models?limit=1')).body['next_cursor']).to.be.a('string');
  });
});
