import { expect } from 'chai';
import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { FileId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { openMemoryEventStore } from '../../infra/event-store/testing/memory.js';
import type { EventStore } from '../../infra/event-store/port.js';
import { eventually } from '../../testing/eventually.js';
import {
  openCommandApi,
  openTenant,
  type Answer,
  type CommandApi,
  type Tenant,
} from '../testing/kit.js';
import { UPLOAD_BYTES_MAX } from './upload-slots.js';

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk' +
    '+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const sha256Of = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('files of callers', () => {
  const store: EventStore = openMemoryEventStore();
  let api: CommandApi;
  let tenant: Tenant;
  let other: Tenant;
  let nowMs: number | undefined;
  before(async () => {
    api = await openCommandApi(store, new Map(), undefined, () => nowMs ?? Date.now());
    tenant = await openTenant(api, '10');
    other = await openTenant(api);
  });
  afterEach(() => (nowMs = undefined));
  after(async () => {
    await api.close();
    await store.close();
  });

  const post = (path: string, body: object, { as }: Tenant = tenant) =>
    api.ask('POST', `/v1${path}`, { headers: as, body });
  const remove = (id: unknown, { as }: Tenant = tenant) =>
    api.ask('DELETE', `/v1/files/${String(id)}`, { headers: as });
  const asked = async (body: object = { purpose: 'INPUT' }, by = tenant) => {
    const { status, json } = await post('/files/upload', body, by);
    expect(status).to.equal(200);
    return { id: json['file_id'] as FileId, url: json['upload_url'], ends: json['expires_at'] };
  };
  const confirm = (id: unknown, by = tenant) => post('/files/confirm', { file_id: id }, by);
  const uploaded = async (bytes: Buffer, body?: object) => {
    const { id, url } = await asked(body);
    expect((await api.upload(url, bytes)).status).to.equal(200);
    const { status, json } = await confirm(id);
    expect(status).to.equal(200);
    return { id, url, json };
  };
  const codeOf = ({ status, json }: Answer) => [status, (json['error'] as { code: string }).code];
  const typesOf = async (id: FileId) =>
    (await store.readStream(streamOf('file', id))).map(({ type }) => type);
  const storedBytes = async (id: FileId) => {
    const stream = await api.commands.files.open(id);
    return stream && buffer(stream);
  };

  it('are asked for, uploaded and confirmed, each with who did it and from where', async () => {
    const atMs = Date.now();
    const { id, url, ends } = await asked({ purpose: 'UPLOAD', ttl_days: 7 });
    expect(url).to.match(/^http:\/\/modelroute\.example\/v1\/files\/upload\/[\w-]+$/);
    expect(Date.parse(String(ends)) - atMs).to.be.within(HOUR_MS - 100, HOUR_MS + 5_000);
    const put = await api.upload(url, PNG);
    const known = { file_id: id, size_bytes: PNG.length, sha256: sha256Of(PNG) };
    expect([put.status, put.json]).to.deep.equal([200, known]);
    const { status, json } = await confirm(id);
    const { expires_at: expiresAt, ...rest } = json;
    expect([status, rest]).to.deep.equal([200, { ...known, content_type: 'image/png' }]);
    expect(Date.parse(String(expiresAt)) - atMs).to.be.within(7 * DAY_MS, 7 * DAY_MS + 5_000);
    expect((await storedBytes(id))?.equals(PNG)).to.equal(true);
    const events = await store.readStream(streamOf('file', id));
    const keyId = events[0]?.metadata.actor;
    expect(keyId).to.match(/^key_/);
    expect(events.map(({ type, metadata: { actor, ip } }) => [type, actor, ip])).to.deep.equal([
      ['FileUploadRequested', keyId, '127.0.0.1'],
      ['FileUploaded', 'upload-url', '127.0.0.1'],
      ['FileConfirmed', keyId, '127.0.0.1'],
    ]);
  });

  it('are kept as long as the organization says, where they do not', async () => {
    const path = `/admin/v1/organizations/${other.organizationId}/quotas`;
    await api.asOperator('PATCH', path, { file_ttl_days: 2 });
    const { id, url } = await asked({ purpose: 'INPUT' }, other);
    await api.upload(url, PNG);
    const { json } = await confirm(id, other);
    const days = (Date.parse(String(json['expires_at'])) - Date.now()) / DAY_MS;
    expect(days).to.be.within(1.99, 2.01);
    for (const wrong of [{ purpose: 'OUTPUT' }, { purpose: 'INPUT', ttl_days: 366 }, {}])
      expect((await post('/files/upload', wrong)).status).to.equal(400);
  });

  it('are what their bytes are, whatever is said of them', async () => {
    const typeOf = async (bytes: string | Buffer) =>
      (await uploaded(Buffer.from(bytes as string))).json['content_type'];
    expect(await typeOf(PNG)).to.equal('image/png');
    expect(await typeOf('%PDF-1.7\n%âãÏÓ\n1 0 obj')).to.equal('application/pdf');
    expect(await typeOf('Tea and bread')).to.equal('text/plain');
    expect(await typeOf('\ufeff{"a": [1]}')).to.equal('application/json');
    expect(await typeOf('{"a": [1}')).to.equal('text/plain');
    expect(await typeOf('  <!doctype html><script>1</script>')).to.equal('text/html');
    expect(await typeOf('<!-- a --><body onload=x>')).to.equal('text/html');
    expect(await typeOf('<?xml version="1.0"?>\n<!-- a --><svg xmlns="a"/>')).to.equal(
      'image/svg+xml',
    );
    expect(await typeOf('<?xml version="1.0"?><a/>')).to.equal('application/xml');
    expect(await typeOf(Buffer.from([0, 1, 2, 3, 4]))).to.equal('application/octet-stream');
    expect(await typeOf('')).to.equal('application/octet-stream');
  });

  it('take no form in the place of their bytes', async () => {
    const { id, url } = await asked();
    const headers = { 'content-type': 'multipart/form-data; boundary=x' };
    const form = { headers, body: Buffer.from('--x--') };
    const { status, json } = await api.ask('PUT', new URL(String(url)).pathname, form);
    expect([status, json]).to.have.nested.property('1.error.details[0].field', 'content-type');
    expect(status).to.equal(400);
    expect(await typesOf(id)).to.deep.equal(['FileUploadRequested']);
    expect((await api.upload(url, PNG)).status).to.equal(200);
  });

  it('take bytes once, and nothing once they are confirmed', async () => {
    const { id, url } = await asked();
    expect((await api.upload(url, Buffer.from('the first'))).status).to.equal(200);
    for (const later of ['the second', 'the first'])
      expect(codeOf(await api.upload(url, Buffer.from(later)))).to.deep.equal([409, 'CONFLICT']);
    const first = await confirm(id);
    expect((await confirm(id)).json).to.deep.equal(first.json);
    expect((await api.upload(url, Buffer.from('the third'))).status).to.equal(409);
    expect((await storedBytes(id))?.toString()).to.equal('the first');
    expect(await typesOf(id)).to.deep.equal([
      'FileUploadRequested',
      'FileUploaded',
      'FileConfirmed',
    ]);
  });

  it('are one of several that are sent to one URL at once', async () => {
    const { id, url } = await asked();
    const bodies = [1, 2, 3, 4].map((n) => Buffer.alloc(300_000, n));
    const answers = await Promise.all(bodies.map((bytes) => api.upload(url, bytes)));
    expect(answers.map(({ status }) => status).sort()).to.deep.equal([200, 409, 409, 409]);
    const { json } = await confirm(id);
    const winner = answers.findIndex(({ status }) => status === 200);
    expect(json['sha256']).to.equal(sha256Of(bodies[winner] as Buffer));
  });

  it('take nothing after their hour, and cannot be confirmed then', async () => {
    const [late, half] = [await asked(), await asked()];
    await api.upload(half.url, PNG);
    nowMs = Date.now() + HOUR_MS + 1_000;
    expect(codeOf(await api.upload(late.url, PNG))).to.deep.equal([403, 'FORBIDDEN']);
    expect(codeOf(await confirm(half.id))).to.deep.equal([403, 'FORBIDDEN']);
    expect(await storedBytes(late.id)).to.equal(undefined);
  });

  it('have at most 150 MB, announced or not, and else nothing is kept', async function () {
    this.timeout(20_000);
    const [announced, streamed] = [await asked(), await asked()];
    const head = `PUT ${new URL(String(announced.url)).pathname} HTTP/1.1\r\nhost: x\r\n`;
    const socket = connect(portOf(api), '127.0.0.1');
    socket.write(`${head}expect: 100-continue\r\ncontent-length: ${UPLOAD_BYTES_MAX + 1}\r\n\r\n`);
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    await eventually('it is refused', async () => text.includes('PAYLOAD_TOO_LARGE'));
    expect(text).to.match(/^HTTP\/1\.1 413 /);
    socket.destroy();
    const piece = Buffer.alloc(1024 * 1024);
    const tooMany = function* () {
      for (let mb = 0; mb < 150; mb += 1) yield piece;
      yield Buffer.from('x');
    };
    expect(codeOf(await api.upload(streamed.url, Readable.from(tooMany())))).to.deep.equal([
      413,
      'PAYLOAD_TOO_LARGE',
    ]);
    for (const { id } of [announced, streamed]) {
      expect(await storedBytes(id)).to.equal(undefined);
      expect(codeOf(await confirm(id))).to.deep.equal([409, 'CONFLICT']);
    }
  });

  it('leave nothing when their sender stops half way, and may then come again', async () => {
    const { id, url } = await asked();
    const socket = connect(portOf(api), '127.0.0.1');
    socket.write(`PUT ${new URL(String(url)).pathname} HTTP/1.1\r\nhost: x\r\n`);
    socket.write(`content-length: 1000000\r\n\r\n${'x'.repeat(500_000)}`);
    await new Promise((resolve) => socket.once('drain', resolve));
    socket.destroy();
    await eventually('its place is free', async () => (await api.upload(url, PNG)).status === 200);
    expect((await confirm(id)).json['sha256']).to.equal(sha256Of(PNG));
  });

  it('are confirmed though a crash kept their upload from being recorded', async () => {
    const [found, again, others] = [await asked(), await asked(), await asked()];
    for (const { id } of [found, again, others])
      await api.commands.files.put(id, tenant.organizationId, Readable.from([PNG]), 1_000);
    expect((await confirm(found.id)).json).to.include({ sha256: sha256Of(PNG) });
    expect((await api.upload(again.url, PNG)).status).to.equal(200);
    expect((await api.upload(others.url, Buffer.from('others'))).status).to.equal(409);
  });

  it('count against the quota, and give back what broke off', async () => {
    const small = await openTenant(api);
    const path = `/admin/v1/organizations/${small.organizationId}/quotas`;
    await api.asOperator('PATCH', path, { storage_bytes: 1_000 });
    const send = async (bytes: Buffer | Readable) =>
      api.upload((await asked({ purpose: 'INPUT' }, small)).url, bytes);
    const over = await send(randomBytes(1_001));
    expect(over.status).to.equal(402);
    const { details } = over.json['error'] as { details: { code: string }[] };
    expect(details.map(({ code }) => code)).to.deep.equal(['storage_quota']);
    expect((await send(randomBytes(600))).status).to.equal(200);
    expect((await send(randomBytes(401))).status).to.equal(402);
    expect((await send(randomBytes(400))).status).to.equal(200);
    expect((await send(randomBytes(1))).status).to.equal(402);
  });

  it('are gone once they are deleted, whatever their state', async () => {
    const awaited = await asked();
    expect((await remove(awaited.id)).status).to.equal(204);
    expect(codeOf(await api.upload(awaited.url, PNG))).to.deep.equal([404, 'NOT_FOUND']);
    const { id } = await uploaded(PNG);
    expect((await remove(id)).status).to.equal(204);
    expect((await remove(id)).status).to.equal(204);
    expect(codeOf(await confirm(id))).to.deep.equal([404, 'NOT_FOUND']);
    expect((await typesOf(id)).at(-1)).to.equal('FileDeleted');
  });

  it("are nobody else's", async () => {
    const { id } = await asked();
    const unknown: FileId = 'file_00000000-0000-4000-8000-000000000000';
    for (const ask of [confirm, remove]) {
      const [theirs, nobodys] = [await ask(id, other), await ask(unknown, other)];
      expect(codeOf(theirs)).to.deep.equal([404, 'NOT_FOUND']);
      const { request_id: _a, ...said } = theirs.json['error'] as Record<string, unknown>;
      const { request_id: _b, ...alike } = nobodys.json['error'] as Record<string, unknown>;
      expect(said).to.deep.equal(alike);
    }
    expect((await remove('not-a-file')).status).to.equal(404);
    for (const url of ['http://x/v1/files/upload/abc', `http://x/v1/files/upload/${id}`])
      expect((await api.upload(url, PNG)).status).to.equal(404);
  });
});

const portOf = (api: CommandApi): number => Number(new URL(api.baseUrl).port);
