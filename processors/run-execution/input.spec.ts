import { expect } from 'chai';
import { Readable } from 'node:stream';
import type { FileInput, Model, Provider } from '../../contracts/catalogue/catalogue.js';
import type { ExecutionRequested } from '../../contracts/events/execution.js';
import type { FileId } from '../../contracts/ids.js';
import { StoreUnavailable } from '../../infra/event-store/port.js';
import { linkIn } from '../../infra/files/links.js';
import { fileId, owner } from '../../infra/files/testing/contract.js';
import { encryptedFiles } from '../../infra/files/testing/encrypted.js';
import { InputUnavailable } from '../../providers/port.js';
import { openAddresses } from '../../runtime/addresses.js';
import { inputOf } from './input.js';

const model = {
  slug: 'edit',
  modality: 'image',
  usageDefault: {},
  inputSchema: {
    type: 'object',
    properties: { images: { type: 'array', items: { type: 'string', format: 'file-id' } } },
  },
} as unknown as Model;
const key = Buffer.alloc(32, 7);
const NOW_MS = Date.parse('2026-01-01T00:00:00.000Z');
const SECRET = 'taken at home';
/** A JPEG of nothing but a comment. */
const JPEG = Buffer.concat([
  Buffer.from('ffd8fffe000f', 'hex'),
  Buffer.from(SECRET),
  Buffer.from('ffd9', 'hex'),
]);

describe('the files of an input', () => {
  const files = encryptedFiles();
  const put = async (bytes: Buffer): Promise<FileId> => {
    const id = fileId();
    await files.put(id, owner, Readable.from([bytes]), bytes.length);
    return id;
  };
  const given = async (
    images: readonly string[],
    { fileInput, publicUrl, baseUrl = 'https://provider.example' }: Given = {},
    store: typeof files = files,
  ) => {
    const provider = { baseUrl, timeoutMs: 30_000, ...(fileInput && { fileInput }) };
    const stores = {
      addresses: openAddresses({ port: 1, publicUrl, filesUrl: undefined }),
      files: store,
      now: () => NOW_MS,
      payloads: { get: async () => Buffer.from(JSON.stringify({ images })) },
      prices: { promised: async () => undefined },
      secrets: { fileLinkKey: key },
    };
    const request = { input: {}, catalogueVersion: 'v', model: 'edit' };
    return inputOf(
      stores as unknown as Parameters<typeof inputOf>[0],
      request as unknown as ExecutionRequested['data'],
      { model, provider: provider as unknown as Provider, words: undefined },
    );
  };
  const filesOf = async (...asked: Parameters<typeof given>) => {
    const input = await given(...asked);
    if (typeof input === 'string') throw new Error(input);
    return input.files;
  };

  it('are bytes that do not say where they were made', async () => {
    const id = await put(JPEG);
    const file = (await filesOf([id])).get(id);
    expect([file?.contentType, file?.sizeBytes]).to.deep.equal(['image/jpeg', JPEG.length]);
    const bytes = await file?.bytes();
    expect(bytes?.length).to.equal(JPEG.length);
    expect(bytes?.includes(SECRET)).to.equal(false);
    expect(file?.url).to.equal(undefined);
  });

  it('are links where a provider wants them and can reach us', async () => {
    const id = await put(JPEG);
    const urlOf = async (asked: Given) => (await filesOf([id], asked)).get(id)?.url;
    const url = await urlOf({ fileInput: 'url', publicUrl: 'https://api.example' });
    const [, token = ''] =
      /^https:\/\/api\.example\/v1\/files\/content\/([\w-]+)$/.exec(url ?? '') ?? [];
    expect(linkIn(key, 'input', token)).to.deep.equal({
      use: 'input',
      fileId: id,
      expiresAtMs: NOW_MS + 30_000 + 60_000,
    });
    expect(linkIn(key, 'download', token)).to.equal(undefined);
    expect(url).not.to.include(id.slice(5));
    expect(await urlOf({ fileInput: 'url' })).to.equal(undefined);
    expect(await urlOf({ fileInput: 'url', baseUrl: 'http://127.0.0.1:9' })).to.match(/^http:/);
    expect(await urlOf({ publicUrl: 'https://api.example' })).to.equal(undefined);
  });

  it('are too large for memory together, not where they are streamed or fetched', async () => {
    const ids = [await put(Buffer.alloc(20_000_000)), await put(Buffer.alloc(20_000_000))];
    expect(await given(ids)).to.equal('FILE_FORMAT_UNSUPPORTED');
    expect((await filesOf([...ids.slice(1), ...ids.slice(1)])).size).to.equal(1);
    const reached = { publicUrl: 'https://api.example' };
    for (const fileInput of ['multipart', 'passthrough', 'url'] as const)
      expect((await filesOf(ids, { fileInput, ...reached })).size).to.equal(2);
  });

  it('are left out where they are gone, and told apart where they cannot be read', async () => {
    expect((await filesOf([fileId()])).size).to.equal(0);
    const id = await put(JPEG);
    let isAway = false;
    const open: typeof files.open = async (...asked) => {
      if (isAway) throw new StoreUnavailable('the store is away');
      return files.open(...asked);
    };
    const file = (await filesOf([id], {}, { ...files, open })).get(id);
    isAway = true;
    for (const read of [() => file?.bytes(), () => file?.stream()])
      expect(await read()?.catch((error: unknown) => error)).to.be.instanceOf(InputUnavailable);
  });
});

interface Given {
  readonly fileInput?: FileInput;
  readonly publicUrl?: string;
  readonly baseUrl?: string;
}
