/** Files that are posted to the bucket by form, over a real S3 server. */
import { HeadObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { expect } from 'chai';
import { hash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import type pg from 'pg';
import { FormData, request } from 'undici';
import type { FileId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { openMemoryDataKeys } from '../../infra/data-keys/testing/memory.js';
import { openMemoryEventStore } from '../../infra/event-store/testing/memory.js';
import { openFileStore } from '../../infra/files/file-store.js';
import { openPostedFiles, type PostedFiles } from '../../infra/files/posted-files.js';
import { HELD_PREFIX, openS3Files, plainKey, POSTED_PREFIX } from '../../infra/files/s3.js';
import { openS3, type S3 } from '../../infra/object-store/client.js';
import { expectPostForms } from '../../infra/object-store/expect-post-forms.js';
import type { PostForm } from '../../infra/object-store/post-form.js';
import { versitygwInSuite } from '../../infra/object-store/testing/versitygw.js';
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
const HTML = Buffer.from('<!doctype html><script>1</script>');
const HOUR_MS = 3_600_000;
const sha256Of = (bytes: Buffer) => hash('sha256', bytes, 'hex');

interface Form extends PostForm {
  readonly method: string;
  readonly size_bytes_max: number;
}

/** As a browser does it. */
async function post({ url, fields }: PostForm, bytes: Buffer, more: object = {}) {
  const body = new FormData();
  for (const [name, value] of Object.entries({ ...fields, ...more })) body.set(name, value);
  body.set('file', new Blob([bytes], { type: 'text/html' }), 'page.html');
  const response = await request(url, { method: 'POST', body });
  const text = await response.body.text();
  return { status: response.statusCode, code: /<Code>(\w+)</.exec(text)?.[1] };
}

describe('files that are posted to the bucket', function () {
  this.timeout(60_000);
  const server = versitygwInSuite();
  const store = openMemoryEventStore();
  const models = { awaited: 0 };
  const readStore = {
    query: async ({ name }: { readonly name?: string }) =>
      name === 'awaited files' ? { rows: [{ awaited: String(models.awaited) }] } : { rows: [] },
  } as unknown as pg.Pool;
  let s3: S3;
  let posted: PostedFiles;
  let api: CommandApi;
  let tenant: Tenant;
  /** Called once what was posted is held, before it is read. */
  let onHeld: ((id: FileId) => Promise<void>) | undefined;
  let nowMs: number | undefined;

  before(async () => {
    const { config, endpoint } = server();
    s3 = await openS3({ ...config, publicEndpoint: endpoint });
    const keys = openMemoryDataKeys();
    const files = openFileStore({ objects: openS3Files(s3), keys, form: 'plain' });
    const { postForm } = s3;
    if (!postForm) throw new Error('it has a public endpoint');
    posted = openPostedFiles({ s3, postForm, key: Buffer.alloc(32, 7), keys, files });
    const watched: PostedFiles = {
      ...posted,
      async hold(one) {
        const held = await posted.hold(one);
        await onHeld?.(one.fileId);
        return held;
      },
    };
    const now = () => nowMs ?? Date.now();
    api = await openCommandApi(store, new Map(), readStore, now, files, store, watched);
    tenant = await openTenant(api);
  });
  afterEach(() => {
    [onHeld, nowMs, models.awaited] = [undefined, undefined, 0];
  });
  after(async () => {
    await api?.close();
    s3?.close();
    await store.close();
  });

  const ask = (path: string, body: object, { as }: Tenant = tenant) =>
    api.ask('POST', `/v1${path}`, { headers: as, body });
  const leave = async () => {
    const { status, json } = await ask('/files/upload', { purpose: 'INPUT' });
    expect(status).to.equal(200);
    const id = json['file_id'] as FileId;
    return { id, url: json['upload_url'], form: json['upload_form'] as Form, json };
  };
  const confirm = (id: FileId, by = tenant) => ask('/files/confirm', { file_id: id }, by);
  const codeOf = ({ status, json }: Answer) => [status, (json['error'] as { code: string }).code];
  const typesOf = async (id: FileId) =>
    (await store.readStream(streamOf('file', id))).map(({ type }) => type);
  const storedBytes = async (id: FileId) => {
    const stream = await api.commands.files.open(id);
    return stream && buffer(stream);
  };
  /** What lies in the bucket of a file that is none yet. */
  const leftOvers = async (id: FileId) => {
    const names: string[] = [];
    for (const prefix of [POSTED_PREFIX, HELD_PREFIX]) {
      const command = new ListObjectsV2Command({ Bucket: s3.bucket, Prefix: `${prefix}${id}` });
      const { Contents = [] } = await s3.client.send(command);
      names.push(...Contents.map(() => prefix));
    }
    return names;
  };

  it('are told a form beside the URL, and are files once they are confirmed', async () => {
    const { id, form, json } = await leave();
    expect(Object.keys(json)).to.have.members([
      'file_id',
      'upload_url',
      'upload_form',
      'expires_at',
    ]);
    const { method, url, fields, size_bytes_max: sizeMax } = form;
    expect([method, url, sizeMax]).to.deep.equal([
      'POST',
      `${server().endpoint}/modelroute`,
      UPLOAD_BYTES_MAX,
    ]);
    expect(fields['key']).to.match(new RegExp(`^uploads/posted/${id}/[\\w-]{43}$`));
    const policy = JSON.parse(String(Buffer.from(String(fields['Policy']), 'base64'))) as Policy;
    expect(Date.parse(policy.expiration) - Date.now()).to.be.within(HOUR_MS - 10_000, HOUR_MS);
    expect(policy.conditions).to.deep.include(['content-length-range', 0, UPLOAD_BYTES_MAX]);
    expect(codeOf(await confirm(id))).to.deep.equal([409, 'CONFLICT']);

    expect((await post(form, PNG)).status).to.equal(204);
    const { status, json: file } = await confirm(id);
    const { expires_at: _, ...told } = file;
    expect([status, told]).to.deep.equal([
      200,
      { file_id: id, content_type: 'image/png', size_bytes: PNG.length, sha256: sha256Of(PNG) },
    ]);
    expect((await storedBytes(id))?.equals(PNG)).to.equal(true);
    expect(await leftOvers(id)).to.deep.equal([]);
    expect(await typesOf(id)).to.deep.equal([
      'FileUploadRequested',
      'FileUploaded',
      'FileConfirmed',
    ]);
    const head = new HeadObjectCommand({ Bucket: s3.bucket, Key: plainKey(id) });
    expect((await s3.client.send(head)).ContentType).to.equal('application/octet-stream');
    expect((await confirm(id)).json).to.deep.equal(file);
  });

  it('take nothing that the form does not allow', async () => {
    const { form } = await leave();
    const { form: other } = await leave();
    const refused = async (more: object, bytes = PNG) => (await post(form, bytes, more)).status;
    expect(await refused({ key: other.fields['key'] })).to.equal(403);
    expect(await refused({ 'Content-Type': 'text/html' })).to.equal(403);
    expect(await refused({ 'x-amz-meta-a': 'b' })).to.equal(403);
    expect(await refused({ acl: 'public-read' })).to.equal(403);
    expect(await refused({ 'X-Amz-Signature': '0'.repeat(64) })).to.equal(403);
  });

  it('are as large as a file may be, and not a byte more', async () => {
    const { id, form } = await leave();
    const most = Buffer.alloc(UPLOAD_BYTES_MAX, 'x');
    const larger = Buffer.concat([most, Buffer.from('y')]);
    // A store that let it pass would not make it a file.
    const { key: Key } = form.fields;
    await s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key, Body: larger }));
    expect(codeOf(await confirm(id))).to.deep.equal([413, 'PAYLOAD_TOO_LARGE']);
    expect(await leftOvers(id)).to.deep.equal([]);
    expect(await typesOf(id)).to.deep.equal(['FileUploadRequested']);

    expect((await post(form, most)).status).to.equal(204);
    const before = process.memoryUsage.rss();
    const { status, json } = await confirm(id);
    expect([status, json['size_bytes'], json['sha256']]).to.deep.equal([
      200,
      UPLOAD_BYTES_MAX,
      sha256Of(most),
    ]);
    expect(process.memoryUsage.rss() - before).to.be.below(64 * 1024 * 1024);
  });

  it('change nothing of the file after it was confirmed', async () => {
    const { id, form, url } = await leave();
    await post(form, PNG);
    const { json } = await confirm(id);
    expect((await post(form, HTML)).status).to.equal(204);
    expect((await api.upload(url, HTML)).status).to.equal(409);
    expect((await confirm(id)).json).to.deep.equal(json);
    expect((await storedBytes(id))?.equals(PNG)).to.equal(true);
    const forAnHour = Date.now() + HOUR_MS;
    await api.commands.files.removeUnfinished(forAnHour - 60_000);
    expect(await leftOvers(id)).to.deep.equal([POSTED_PREFIX]);
    await api.commands.files.removeUnfinished(forAnHour + 60_000);
    expect(await leftOvers(id)).to.deep.equal([]);
    expect((await storedBytes(id))?.equals(PNG)).to.equal(true);
  });

  it('are what was held, whatever is posted while they are confirmed', async () => {
    const { id, form } = await leave();
    await post(form, PNG);
    onHeld = async () => void (await post(form, HTML));
    const { json } = await confirm(id);
    expect([json['content_type'], json['sha256']]).to.deep.equal(['image/png', sha256Of(PNG)]);
    expect((await storedBytes(id))?.equals(PNG)).to.equal(true);
    const found = { ...(await posted.find(id)), etag: '"of others"' };
    expect(await posted.hold(found as never)).to.equal(undefined);
  });

  it('are one file when many confirm at once, with others posted between', async () => {
    const { id, form } = await leave();
    const bodies = [PNG, HTML, Buffer.from('plain'), Buffer.from('{"a": 1}')];
    await post(form, PNG);
    let turn = 0;
    onHeld = async () => void (await post(form, bodies[++turn % bodies.length] ?? PNG));
    const answers = await Promise.all(Array.from({ length: 6 }, () => confirm(id)));
    const files = answers.filter(({ status }) => status === 200).map(({ json }) => json);
    expect(files.length).to.be.greaterThan(0);
    expect(new Set(files.map(({ sha256 }) => sha256)).size).to.equal(1);
    for (const { status } of answers) expect(status).to.be.oneOf([200, 409]);
    const stored = (await storedBytes(id)) ?? Buffer.alloc(0);
    expect(sha256Of(stored)).to.equal(files[0]?.['sha256']);
    const types = await typesOf(id);
    expect(types).to.deep.equal(['FileUploadRequested', 'FileUploaded', 'FileConfirmed']);
  });

  it('race with an upload through us, and the log says which of both is the file', async () => {
    const { id, form, url } = await leave();
    await post(form, PNG);
    let put: Answer | undefined;
    onHeld = async () => void (put = await api.upload(url, HTML));
    const { status } = await confirm(id);
    expect([put?.status, status]).to.deep.equal([200, 409]);
    const { json } = await confirm(id);
    expect(json['sha256']).to.equal(sha256Of(HTML));
    expect((await storedBytes(id))?.equals(HTML)).to.equal(true);
    expect(await leftOvers(id)).to.deep.equal([]);
  });

  it('are stored by the next confirmation when the first died before that', async () => {
    const { id, form } = await leave();
    await post(form, PNG);
    const died = { type: 'RecordUpload', sizeBytes: PNG.length, sha256: sha256Of(PNG) } as const;
    const at = new Date().toISOString();
    const metadata = { actor: 'spec', correlationId: id, causationId: 'spec' };
    await api.commands.fileRecords.transact(id, { ...died, at }, metadata);
    await post(form, HTML);
    expect(codeOf(await confirm(id))).to.deep.equal([409, 'CONFLICT']);
    await post(form, PNG);
    expect((await confirm(id)).status).to.equal(200);
    expect((await storedBytes(id))?.equals(PNG)).to.equal(true);
    await api.commands.files.removeUnfinished(Date.now() + 60_000);
    expect(await leftOvers(id)).to.deep.equal([]);
  });

  it('are not in the store when they were deleted while they were confirmed', async () => {
    const { id, form } = await leave();
    await post(form, PNG);
    onHeld = async () => void (await api.ask('DELETE', `/v1/files/${id}`, { headers: tenant.as }));
    expect(codeOf(await confirm(id))).to.deep.equal([404, 'NOT_FOUND']);
    expect(await storedBytes(id)).to.equal(undefined);
    expect(await typesOf(id)).to.deep.equal(['FileUploadRequested', 'FileDeleted']);
  });

  it('are taken from the quota of their organization', async () => {
    const poor = await openTenant(api);
    const path = `/admin/v1/organizations/${poor.organizationId}/quotas`;
    await api.asOperator('PATCH', path, { storage_bytes: PNG.length });
    const asked = await ask('/files/upload', { purpose: 'INPUT' }, poor);
    const [id, form] = [asked.json['file_id'] as FileId, asked.json['upload_form'] as Form];
    expect(form.size_bytes_max).to.equal(PNG.length);
    expect(await post(form, Buffer.concat([PNG, PNG]))).to.deep.equal({
      status: 400,
      code: 'EntityTooLarge',
    });
    expect((await post(form, PNG)).status).to.equal(204);
    await api.asOperator('PATCH', path, { storage_bytes: PNG.length - 1 });
    const refused = await confirm(id, poor);
    expect(codeOf(refused)).to.deep.equal([402, 'INSUFFICIENT_BALANCE']);
    expect(refused.text).to.contain('storage_quota');
    expect(await leftOvers(id)).to.deep.equal([POSTED_PREFIX]);
    await api.asOperator('PATCH', path, { storage_bytes: PNG.length });
    expect((await confirm(id, poor)).status).to.equal(200);
  });

  it('have no form while others could fill the storage of their organization', async () => {
    models.awaited = 1_000;
    const { json } = await ask('/files/upload', { purpose: 'INPUT' });
    expect(json).not.to.have.property('upload_form');
    expect((await api.upload(json['upload_url'], PNG)).status).to.equal(200);
    expect((await confirm(json['file_id'] as FileId)).status).to.equal(200);
  });

  it('are nobody else’s, and are none when their hour is over', async () => {
    const [other, { id, form }] = [await openTenant(api), await leave()];
    await post(form, PNG);
    expect(codeOf(await confirm(id, other))).to.deep.equal([404, 'NOT_FOUND']);
    nowMs = Date.now() + HOUR_MS;
    expect(codeOf(await confirm(id))).to.deep.equal([403, 'FORBIDDEN']);
  });

  it('are answered 503 while the store is away, and taken after that', async () => {
    const { id, form } = await leave();
    await post(form, PNG);
    await server().kill9();
    try {
      expect(codeOf(await confirm(id))).to.deep.equal([503, 'SERVICE_UNAVAILABLE']);
    } finally {
      await server().restart();
    }
    expect((await confirm(id)).status).to.equal(200);
  });

  it('are asked of a store at the start, which must take a form and keep to it', async () => {
    const { endpoint } = server();
    await expectPostForms(s3, { endpoint, prefix: POSTED_PREFIX });
    const thrown = await expectPostForms(
      { ...s3, bucket: 'another' },
      { endpoint, prefix: POSTED_PREFIX },
    ).catch(String);
    expect(thrown).to.match(/takes no uploads by form \(404\).*MODELROUTE_UPLOADS/);
  });
});

interface Policy {
  readonly expiration: string;
  readonly conditions: readonly unknown[];
}
