import { expect } from 'chai';
import type { FileStored } from '../../contracts/events/file.js';
import type { ExecutionRequested } from '../../contracts/events/execution.js';
import type { ExecutionId, FileId, OrganizationId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { appendOf } from '../../command-handling/streams.js';
import { openMemoryEventStore } from '../../infra/event-store/testing/memory.js';
import { NO_STREAM, type EventStore } from '../../infra/event-store/port.js';
import { executionEvents, openCommandApi, openTenant } from '../testing/kit.js';
import type { CommandApi, Tenant } from '../testing/kit.js';

const text = { model: 'text-generation-standard', input: { prompt: 'Rivers', max_tokens: 16 } };

describe('POST /v1/executions', () => {
  const large = new Map<string, Buffer>();
  let store: EventStore;
  let api: CommandApi;
  let tenant: Tenant;
  let serial = 0;

  before(async () => {
    store = openMemoryEventStore();
    api = await openCommandApi(store, large);
    tenant = await openTenant(api, '100.00');
  });
  after(async () => {
    await api.close();
    await store.close();
  });

  const post = (body: unknown, headers: Readonly<Record<string, string>> = {}) =>
    api.ask('POST', '/v1/executions', {
      headers: { ...tenant.as, 'idempotency-key': `key-${++serial}`, ...headers },
      body,
    });

  const requestedBy = async (body: unknown, headers?: Readonly<Record<string, string>>) => {
    const { status, json } = await post(body, headers);
    expect(status, JSON.stringify(json)).to.equal(202);
    const [event] = await executionEvents(store, json['id'] as ExecutionId);
    return event?.data as ExecutionRequested['data'];
  };

  describe('refuses, naming the field', () => {
    const long = 'x'.repeat(65);
    const many = Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`k${n}`, 'v']));
    const cases: readonly (readonly [string, unknown, string, string])[] = [
      ['an unknown model', { ...text, model: 'nobody' }, 'model', 'unknown_model'],
      ['a model called constructor', { ...text, model: 'constructor' }, 'model', 'unknown_model'],
      ['no model', { input: {} }, 'model', 'required'],
      ['no input', { model: text.model }, 'input', 'required'],
      ['an input that is no object', { ...text, input: [] }, 'input', 'type'],
      [
        'what the model does not take',
        { ...text, input: { prompt: 'x', size: 3 } },
        'input.size',
        'additional_properties',
      ],
      [
        'a raw URL for a file',
        { model: 'flux-1.1-pro', input: { prompt: 'x', image: 'https://example.org/a.png' } },
        'input.image',
        'raw_url_not_allowed',
      ],
      [
        'a region that no provider promises',
        { ...text, require: { region: 'cn' } },
        'require.region',
        'unsupported',
      ],
      [
        'a requirement that there is not',
        { ...text, require: { retention: 'a month' } },
        'require.retention',
        'enum',
      ],
      [
        'an unknown model that may stand in',
        { ...text, fallback_models: ['nobody'] },
        'fallback_models[0]',
        'unknown_model',
      ],
      [
        'the model itself',
        { ...text, fallback_models: [text.model] },
        'fallback_models[0]',
        'same_model',
      ],
      [
        'one of another modality',
        { ...text, fallback_models: ['flux-1.1-pro'] },
        'fallback_models[0]',
        'other_modality',
      ],
      [
        'one that does not take the input',
        {
          model: 'flux-1.1-pro',
          input: { prompt: 'x', image: `file_${'0'.repeat(8)}-0000-4000-8000-${'0'.repeat(12)}` },
          fallback_models: ['image-generation-hd'],
        },
        'fallback_models[0]',
        'additional_properties',
      ],
      [
        'more than three',
        { ...text, fallback_models: ['a', 'b', 'c', 'd'] },
        'fallback_models',
        'max_items',
      ],
      ['an unknown field', { ...text, provider: 'x' }, 'provider', 'additional_properties'],
      ['an expiry of nothing', { ...text, expires_in: 0 }, 'expires_in', 'minimum'],
      ['an expiry beyond a week', { ...text, expires_in: 604_801 }, 'expires_in', 'maximum'],
      ['half a second', { ...text, expires_in: 0.5 }, 'expires_in', 'type'],
      ['metadata that is no text', { ...text, metadata: { a: 1 } }, 'metadata.a', 'type'],
      ['17 pieces of metadata', { ...text, metadata: many }, 'metadata', 'max_properties'],
      [
        'a long metadata key',
        { ...text, metadata: { [long]: 'v' } },
        `metadata.${long}`,
        'max_length',
      ],
      [
        'a long metadata value',
        { ...text, metadata: { a: 'x'.repeat(513) } },
        'metadata.a',
        'max_length',
      ],
      [
        'a webhook over http',
        { ...text, webhook_url: 'http://example.org/hook' },
        'webhook_url',
        'refused',
      ],
      [
        'a webhook to this machine',
        { ...text, webhook_url: 'https://127.0.0.1/hook' },
        'webhook_url',
        'refused',
      ],
      [
        'a webhook to a metadata service',
        { ...text, webhook_url: 'https://[::ffff:169.254.169.254]/latest' },
        'webhook_url',
        'refused',
      ],
    ];
    for (const [name, body, field, code] of cases)
      it(name, async () => {
        const before = await store.head();
        const { status, json } = await post(body);
        expect(status).to.equal(400);
        const { error } = json as { error: { code: string; details: { field: string }[] } };
        expect(error.code).to.equal('INPUT_VALIDATION_ERROR');
        const found = error.details.map((detail) => ({ ...detail, message: '' }));
        expect(found).to.deep.include({ field, code, message: '' });
        expect(await store.head()).to.equal(before);
      });
  });

  it('holds the dearest of the models that may run it, and records them', async () => {
    const body = { model: 'flux-1.1-pro', input: { prompt: 'x' } };
    const { holdAmount, fallbackModels } = await requestedBy({
      ...body,
      fallback_models: ['image-generation-hd'],
    });
    expect(fallbackModels).to.deep.equal(['image-generation-hd']);
    expect(holdAmount).to.equal(72_000n);
    expect((await requestedBy(body)).holdAmount).to.equal(48_000n);
  });

  it('tells a body that was hashed before later fields were there as it was', async () => {
    expect((await requestedBy(text)).bodyHash).to.equal(
      'f464a47017f82bb5c2a07f97acd3470ba15db70954dc092b72335111625f0794',
    );
    const whole = {
      webhook_url: 'https://example.org/hook?a=1',
      webhook_events: ['execution.completed', 'execution.failed'],
      metadata: { b: '2', a: 'ä' },
      expires_in: 60,
      ...text,
    };
    expect((await requestedBy(whole)).bodyHash).to.equal(
      'f582631b9e0745b53ac09a357255b7899eae431868184e5c1ded0c374ac8c152',
    );
  });

  it('waits for a week where that is asked', async () => {
    const { at, expiresAt } = await requestedBy({ ...text, expires_in: 604_800 });
    expect(Date.parse(expiresAt) - Date.parse(at)).to.equal(604_800_000);
  });

  it('takes an empty list for none', async () => {
    const body = { ...text, fallback_models: [], webhook_events: [] };
    const requested = await requestedBy(body, { 'idempotency-key': 'empty lists' });
    expect(requested).not.to.have.any.keys('fallbackModels', 'webhookEvents');
  });

  it('records what is required, and knows a repeat that requires the same', async () => {
    const body = { ...text, require: { training: 'never', region: 'eu' } };
    const headers = { 'idempotency-key': 'required' };
    const { require } = await requestedBy(body, headers);
    expect(require).to.deep.equal({ training: 'never', region: 'eu' });
    const again = { require: { region: 'eu', training: 'never' }, ...text };
    expect((await post(again, headers)).headers['idempotency-replayed']).to.equal('true');
    const other = await post({ ...text, require: { region: 'eu' } }, headers);
    expect(other.status).to.equal(422);
    expect((await post(text, headers)).status).to.equal(422);
  });

  describe('reads the idempotency key', () => {
    const keyOf = async (header: string) =>
      (await requestedBy(text, { 'idempotency-key': header })).idempotencyKey;

    it('bare, quoted, and in UTF-8', async () => {
      expect(await keyOf('a-b')).to.equal('a-b');
      expect(await keyOf('"c \\"d\\" \\\\"')).to.equal('c "d" \\');
      const utf8 = Buffer.from('ключ').toString('latin1');
      expect(await keyOf(utf8)).to.equal('ключ');
      expect(await keyOf('z'.repeat(255))).to.have.length(255);
    });

    it('from the body too, when both agree', async () => {
      const body = { ...text, idempotency_key: 'agreed' };
      const { idempotencyKey } = await requestedBy(body, { 'idempotency-key': '"agreed"' });
      expect(idempotencyKey).to.equal('agreed');
    });

    it('and refuses none, a long, a malformed and a contradictory one', async () => {
      const codeOf = async (headers: Readonly<Record<string, string>>, body: object = text) => {
        const answer = await api.ask('POST', '/v1/executions', {
          headers: { ...tenant.as, ...headers },
          body,
        });
        const { error } = answer.json as { error: { details: { field: string; code: string }[] } };
        expect(answer.status).to.equal(400);
        expect(error.details[0]?.field).to.equal('idempotency_key');
        return error.details[0]?.code;
      };
      expect(await codeOf({})).to.equal('required');
      expect(await codeOf({ 'idempotency-key': '' })).to.equal('min_length');
      expect(await codeOf({ 'idempotency-key': '""' })).to.equal('min_length');
      expect(await codeOf({ 'idempotency-key': 'x'.repeat(256) })).to.equal('max_length');
      expect(await codeOf({ 'idempotency-key': '"a' })).to.equal('malformed');
      expect(await codeOf({ 'idempotency-key': '\u00ff' })).to.equal('malformed');
      const inBody = { ...text, idempotency_key: 'b' };
      expect(await codeOf({ 'idempotency-key': 'a' }, inBody)).to.equal('mismatch');
      const long = { ...text, idempotency_key: 'x'.repeat(256) };
      expect(await codeOf({}, long)).to.equal('max_length');
    });

    it('by one rule in header and body: code points, and no control characters', async () => {
      const header = (key: string) => ({ 'idempotency-key': Buffer.from(key).toString('latin1') });
      const outcomeOf = async (headers: Readonly<Record<string, string>>, body: object) => {
        const asking = { headers: { ...tenant.as, ...headers }, body };
        const { status, json } = await api.ask('POST', '/v1/executions', asking);
        const { error } = json as { error?: { details: { code: string }[] } };
        return [status, error?.details[0]?.code];
      };
      for (const [key, expected] of [
        ['🔑'.repeat(255), [202, undefined]],
        ['🔑'.repeat(256), [400, 'max_length']],
        [`${'é'.repeat(254)}🔑`, [202, undefined]],
        ['a\tb', [400, 'malformed']],
      ] as const) {
        expect(await outcomeOf(header(key), text), 'header').to.deep.equal(expected);
        const inBody = { ...text, idempotency_key: key };
        expect(await outcomeOf({}, inBody), 'body').to.deep.equal(expected);
      }
      expect(await outcomeOf({}, { ...text, idempotency_key: 'a\nb' })).to.deep.equal([
        ...[400, 'malformed'],
      ]);
    });
  });

  it("records the model's default expiry, the webhook and the catalogue's version", async () => {
    const webhook = 'https://hooks.example.org/a?b=c';
    const requested = await requestedBy({ ...text, webhook_url: webhook });
    const lifetimeMs = Date.parse(requested.expiresAt) - Date.parse(requested.at);
    expect(lifetimeMs).to.equal(300_000);
    expect(requested.webhookUrl).to.equal(webhook);
    expect(requested.catalogueVersion).to.equal(api.commands.catalogue.current().version);
  });

  it('keeps metadata with names that objects have of their own', async () => {
    const metadata = { constructor: 'a', toString: 'b', hasOwnProperty: 'c' };
    expect((await requestedBy({ ...text, metadata })).metadata).to.deep.equal(metadata);
  });

  it('holds an image price with its fifth on top', async () => {
    const requested = await requestedBy({ model: 'flux-1.1-pro', input: { prompt: 'A river' } });
    expect(requested.holdAmount).to.equal((requested.estimatedCost * 6n + 4n) / 5n);
    expect(requested.modality).to.equal('image');
  });

  it('keeps a large input apart from the events', async () => {
    const prompt = 'x'.repeat(100_000);
    const { input } = await requestedBy({ ...text, input: { ...text.input, prompt } });
    expect(input.bytes).to.be.greaterThan(100_000);
    expect(large.get(input.ref)?.length).to.equal(input.bytes);
  });

  it('takes a file of the organization, and none of others or of nobody', async () => {
    const withFile = (image: FileId) => ({ model: 'flux-1.1-pro', input: { prompt: 'x', image } });
    const own = await storeFile(tenant.organizationId);
    const foreign = await storeFile('org_22222222-2222-4222-8222-222222222222');
    await requestedBy(withFile(own));
    const nobody: FileId = `file_${crypto.randomUUID()}`;
    const answers = [await post(withFile(foreign)), await post(withFile(nobody))];
    for (const { status, json } of answers) {
      expect(status).to.equal(400);
      expect(json).to.have.nested.property('error.code', 'FILE_NOT_FOUND');
      expect(json).to.have.nested.property('error.details[0].field', 'input.image');
    }
  });

  it('says of a file that it is not confirmed yet', async () => {
    const body = { purpose: 'INPUT' };
    const asked = await api.ask('POST', '/v1/files/upload', { headers: tenant.as, body });
    const image = asked.json['file_id'];
    const { status, json } = await post({ model: 'flux-1.1-pro', input: { prompt: 'x', image } });
    expect(status).to.equal(400);
    const { details } = (json as { error: { details: { message: string }[] } }).error;
    expect(details[0]?.message).to.match(/^is not confirmed/);
  });

  it('takes a file of a format that the model takes, and keeps it in the request', async () => {
    const withFile = (image: FileId) => ({ model: 'flux-1.1-pro', input: { prompt: 'x', image } });
    const { organizationId } = tenant;
    const png = await storeFile(organizationId);
    expect((await requestedBy(withFile(png))).files).to.deep.equal([png]);
    const text = await storeFile(organizationId, { contentType: 'text/html', format: 'html' });
    const { status, json } = await post(withFile(text));
    expect(status).to.equal(400);
    expect(json).to.have.nested.property('error.code', 'FILE_FORMAT_UNSUPPORTED');
    expect(json).to.have.nested.property('error.details[0].field', 'input.image');
    const gone = await storeFile(organizationId);
    const keyless = await api.ask('DELETE', `/v1/files/${gone}`, { headers: tenant.as });
    expect(keyless.status).to.equal(204);
    expect((await post(withFile(gone))).json).to.have.nested.property(
      'error.code',
      'FILE_NOT_FOUND',
    );
  });

  it('holds what a recording costs whole, and at least what is usual', async () => {
    const sound = { contentType: 'audio/wav', format: 'wav' };
    const holdFor = async (durationMs?: number) => {
      const length = durationMs === undefined ? {} : { durationMs };
      const audio = await storeFile(tenant.organizationId, { ...sound, ...length });
      const requested = await requestedBy({ model: 'transcription-standard', input: { audio } });
      return [requested.holdAmount, requested.estimatedUsage?.seconds];
    };
    expect(await holdFor()).to.deep.equal([72_000n, 600]);
    expect(await holdFor(5_000)).to.deep.equal([72_000n, 600]);
    expect(await holdFor(7_200_000)).to.deep.equal([864_000n, 7_200]);
  });

  async function storeFile(organizationId: OrganizationId, more = {}): Promise<FileId> {
    const fileId: FileId = `file_${crypto.randomUUID()}`;
    const executionId: ExecutionId = `exec_${crypto.randomUUID()}`;
    const about = {
      contentType: 'image/png',
      format: 'png',
      sizeBytes: 1,
      sha256: 'ab'.repeat(32),
      ...more,
    };
    const ids = { fileId, organizationId, executionId, at: new Date().toISOString() };
    const event: FileStored = {
      type: 'FileStored',
      data: { ...ids, ...about, purpose: 'OUTPUT' },
    };
    const metadata = { actor: 'operator', correlationId: fileId, causationId: 'spec' };
    const append = appendOf(streamOf('file', fileId), NO_STREAM, [event], metadata);
    await store.append({ appends: [append] });
    return fileId;
  }
});
