import { expect } from 'chai';
import type { ProviderCall, Providers } from '../port.js';
import { providerAdapterContract, providerAt } from '../testing/contract.js';
import { openProviders } from '../open-providers.js';
import { json, openStage, type Stage } from '../testing/stage.js';
import { inputFile } from '../testing/input-files.js';

providerAdapterContract('openai-images', {
  adapter: 'openai-images',
  path: '/images/generations',
  call: {
    modality: 'image',
    input: { prompt: 'canary-prompt-1b2f boat', width: 512, height: 256 },
  },
  answer: { created: 1, data: [{ b64_json: 'iVBORw0KGgo=' }] },
  outcome: {
    kind: 'succeeded',
    output: { modality: 'image', images: [{ base64: 'iVBORw0KGgo=' }] },
    usage: { images: 1 },
  },
});

describe('provider adapter: openai-images, its own', () => {
  const fileId = 'file_0b5c3a52-6f0e-4e0a-9a53-0d4a5d1f2b7c';
  let stage: Stage;
  let providers: Providers;

  beforeEach(async () => {
    stage = await openStage();
    providers = openProviders({ credentials: () => undefined });
  });

  afterEach(async () => {
    await providers.close();
    await stage.close();
  });

  const call = (input: ProviderCall['input'], more: Partial<ProviderCall> = {}) =>
    providers.adapter('openai-images').call({
      provider: providerAt(stage.url, 'openai-images'),
      providerModel: 'm',
      modality: 'image',
      input,
      dispatchKey: 'k',
      timeoutMs: 2_000,
      signal: new AbortController().signal,
      ...more,
    });

  it('asks for size, number and bytes, and passes the rest by name', async () => {
    stage.play(json({ data: [{ b64_json: 'AA==' }] }));
    await call({ prompt: 'boat', width: 512, height: 256, num_images: 2, seed: 7 });
    await call({ prompt: 'boat', n: 9, stream: true }, { providerModel: 'gpt-image-1' });
    expect(stage.seen.map(({ body }) => body)).to.deep.equal([
      { model: 'm', prompt: 'boat', n: 2, size: '512x256', seed: 7, response_format: 'b64_json' },
      { model: 'gpt-image-1', prompt: 'boat', n: 1 },
    ]);
  });

  it('puts a file in the place of its id, and sends nothing when it has none', async () => {
    stage.play(json({ data: [{ b64_json: 'AA==' }] }));
    const files = new Map([[fileId, inputFile('image/png', Buffer.from('png'))]]);
    await call({ prompt: fileId, image: fileId }, { files });
    expect(stage.seen[0]?.body).to.include({
      prompt: fileId,
      image: 'data:image/png;base64,cG5n',
    });
    const outcome = await call({ prompt: 'boat', image: fileId });
    expect(outcome).to.include({ kind: 'failed', code: 'FILE_NOT_FOUND', retryable: false });
    expect(stage.seen).to.have.length(1);
  });

  it('counts what was delivered, and takes no more than was asked', async () => {
    const data = [
      { b64_json: 'AA==' },
      { url: 'https://cdn.example/2.png' },
      { b64_json: 'BB==' },
      { b64_json: 'CC==' },
    ];
    stage.play(json({ data, usage: { images: 1e308, output_tokens: -5 } }));
    expect(await call({ prompt: 'boat', num_images: 3 })).to.deep.equal({
      kind: 'succeeded',
      output: {
        modality: 'image',
        images: [{ base64: 'AA==' }, { url: 'https://cdn.example/2.png' }, { base64: 'BB==' }],
      },
      usage: { images: 3 },
    });
    stage.play(json({ data: [{ url: 'file:///etc/passwd' }, { b64_json: '' }, 'x', {}] }));
    expect(await call({ prompt: 'boat', num_images: 4 })).to.include({ code: 'GENERATION_FAILED' });
  });
});
