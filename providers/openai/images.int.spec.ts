import { expect } from 'chai';
import { adapterStage } from '../testing/adapter-stage.js';
import { providerAdapterContract } from '../testing/contract.js';
import { json } from '../testing/stage.js';
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
  const otherId = 'file_1b5c3a52-6f0e-4e0a-9a53-0d4a5d1f2b7c';
  const scene = adapterStage('openai-images', { providerModel: 'm', modality: 'image' });
  const call = scene.call;

  it('asks for size, number and bytes, and passes the rest by name', async () => {
    scene.stage.play(json({ data: [{ b64_json: 'AA==' }] }));
    await call({ prompt: 'boat', width: 512, height: 256, num_images: 2, seed: 7 });
    await call({ prompt: 'boat', n: 9, stream: true }, { providerModel: 'gpt-image-1' });
    expect(scene.stage.seen.map(({ body }) => body)).to.deep.equal([
      { model: 'm', prompt: 'boat', n: 2, size: '512x256', seed: 7, response_format: 'b64_json' },
      { model: 'gpt-image-1', prompt: 'boat', n: 1 },
    ]);
  });

  it('sends pictures to start from as a form, and nothing when it has none', async () => {
    scene.stage.play(json({ data: [{ b64_json: 'AA==' }] }));
    const files = new Map([
      [fileId, inputFile('image/png', Buffer.from('first'))],
      [otherId, inputFile('image/webp', Buffer.from('second'))],
    ]);
    await call({ prompt: fileId, image: fileId, mask: otherId, width: 64, height: 32 }, { files });
    await call({ prompt: 'both', images: [fileId, otherId] }, { files });
    const [one, both] = scene.stage.seen.map(({ path, headers, text }) => {
      const [, boundary = ''] = headers['content-type']?.split('boundary=') ?? [];
      const parts = text.split(`--${boundary}`).slice(1, -1);
      return { path, length: headers['content-length'] === String(text.length), parts };
    });
    const part = (name: string, value: string) =>
      `\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
    const file = (name: string, type: string, value: string) =>
      `\r\ncontent-disposition: form-data; name="${name}"; filename="file.${type}"\r\n` +
      `content-type: image/${type}\r\n\r\n${value}\r\n`;
    expect(one).to.deep.equal({
      path: '/base/v1/images/edits',
      length: true,
      parts: [
        part('prompt', fileId),
        part('size', '64x32'),
        part('model', 'm'),
        part('n', '1'),
        part('response_format', 'b64_json'),
        file('image', 'png', 'first'),
        file('mask', 'webp', 'second'),
      ],
    });
    expect(both?.parts.slice(-2)).to.deep.equal([
      file('image[]', 'png', 'first'),
      file('image[]', 'webp', 'second'),
    ]);
    const again = () => call({ prompt: 'both', images: [fileId, otherId] }, { files });
    await again();
    expect(scene.stage.seen[2]?.text, 'the same call has the same bytes').to.equal(
      scene.stage.seen[1]?.text,
    );
    const outcome = await call({ prompt: 'boat', image: fileId });
    expect(outcome).to.include({ kind: 'failed', code: 'FILE_NOT_FOUND', retryable: false });
    expect(scene.stage.seen).to.have.length(3);
  });

  it('calls shapes and formats as each model does', async () => {
    scene.stage.play(json({ data: [{ b64_json: 'AA==' }] }));
    const wide = { prompt: 'boat', aspect_ratio: '16:9', format: 'webp' };
    for (const providerModel of ['gpt-image-1', 'dall-e-3', 'm'])
      await call(wide, { providerModel });
    const bytes = { response_format: 'b64_json' };
    const usual = { prompt: 'boat', n: 1, output_format: 'webp' };
    expect(scene.stage.seen.map(({ body }) => body)).to.deep.equal([
      { ...usual, model: 'gpt-image-1', size: '1536x1024' },
      { ...usual, ...bytes, model: 'dall-e-3', size: '1792x1024' },
      { ...usual, ...bytes, model: 'm', aspect_ratio: '16:9' },
    ]);
  });

  it('takes what was not blocked, and tells a caller whose pictures all were', async () => {
    const blocked = [
      { error: { code: 'content_policy_violation', message: 'No.' } },
      { b64_json: null, finish_reason: 'CONTENT_FILTERED' },
    ];
    const good = [
      { b64_json: 'AA==' },
      { url: 'files/2.png' },
      { url: 'data:image/png;base64,AA==' },
    ];
    scene.stage.play(json({ data: [...blocked.slice(0, 1), ...good] }));
    expect(await call({ prompt: 'boat', num_images: 4 })).to.deep.equal({
      kind: 'succeeded',
      output: {
        modality: 'image',
        images: [
          { base64: 'AA==' },
          { url: `${scene.stage.url}/base/v1/images/files/2.png` },
          { url: 'data:image/png;base64,AA==' },
        ],
      },
      usage: { images: 3 },
    });
    scene.stage.play(json({ data: blocked }));
    expect(await call({ prompt: 'boat', num_images: 2 })).to.include({
      kind: 'failed',
      code: 'CONTENT_MODERATION_REJECTED',
      retryable: false,
    });
    const odd = [
      { b64_json: 'https://cdn.example/1.png' },
      { url: 'iVBORw0KGgoAAAA=' },
      ' iVBORw0KGgoAAAA=',
      { b64_json: 'data:image/png;base64,AA==' },
    ];
    scene.stage.play(json({ data: odd }));
    expect(await call({ prompt: 'boat', num_images: 4 })).to.have.deep.nested.property(
      'output.images',
      [
        { url: 'https://cdn.example/1.png' },
        { base64: 'iVBORw0KGgoAAAA=' },
        { base64: ' iVBORw0KGgoAAAA=' },
        { url: 'data:image/png;base64,AA==' },
      ],
    );
    for (const data of [[], [{}], [{ url: '' }]]) {
      scene.stage.play(json({ data }));
      const none = await call({ prompt: 'boat', num_images: 4 });
      expect(none).to.include({ kind: 'failed', code: 'GENERATION_FAILED', retryable: true });
    }
  });

  it('tells the tokens of models that are priced by them', async () => {
    scene.stage.play(
      json({ data: [{ b64_json: 'AA==' }], usage: { input_tokens: 9, output_tokens: 80 } }),
    );
    const outcome = await call({ prompt: 'boat' }, { providerModel: 'gpt-image-1' });
    expect(outcome.kind === 'succeeded' && outcome.usage).to.deep.equal({
      images: 1,
      inputTokens: 9,
      outputTokens: 80,
    });
  });

  it('counts what was delivered, and takes no more than was asked', async () => {
    const data = [
      { b64_json: 'AA==' },
      { url: 'https://cdn.example/2.png' },
      { b64_json: 'BB==' },
      { b64_json: 'CC==' },
    ];
    scene.stage.play(json({ data, usage: { images: 1e308, output_tokens: -5 } }));
    expect(await call({ prompt: 'boat', num_images: 3 })).to.deep.equal({
      kind: 'succeeded',
      output: {
        modality: 'image',
        images: [{ base64: 'AA==' }, { url: 'https://cdn.example/2.png' }, { base64: 'BB==' }],
      },
      usage: { images: 3 },
    });
    scene.stage.play(json({ data: [{ url: 'file:///etc/passwd' }, { b64_json: '' }, 'x', {}] }));
    expect(await call({ prompt: 'boat', num_images: 4 })).to.include({ code: 'GENERATION_FAILED' });
  });
});
