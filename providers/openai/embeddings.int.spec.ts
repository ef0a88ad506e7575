import { expect } from 'chai';
import { adapterStage } from '../testing/adapter-stage.js';
import { providerAdapterContract } from '../testing/contract.js';
import { inputFile } from '../testing/input-files.js';
import { json } from '../testing/stage.js';

providerAdapterContract('openai-embeddings', {
  adapter: 'openai-embeddings',
  path: '/embeddings',
  call: { modality: 'embedding', input: { texts: ['canary-prompt-1b2f'] } },
  answer: { data: [{ index: 0, embedding: [0.5, -1] }], usage: { prompt_tokens: 4 } },
  outcome: {
    kind: 'succeeded',
    output: { modality: 'embedding', embeddings: [[0.5, -1]] },
    usage: { inputTokens: 4 },
  },
});

describe('provider adapter: openai-embeddings, its own', () => {
  const scene = adapterStage('openai-embeddings', {
    providerModel: 'text-embedding-3-small',
    modality: 'embedding',
  });
  const embed = scene.call;
  const base64 = (...numbers: number[]) =>
    Buffer.from(Float32Array.from(numbers).buffer).toString('base64');

  it('asks as the reference has it, and puts vectors in the order of their texts', async () => {
    const data = [
      { object: 'embedding', index: 1, embedding: base64(0.25, 2) },
      { object: 'embedding', index: 0, embedding: [0.5, -1] },
    ];
    scene.stage.play(json({ object: 'list', data, usage: { prompt_tokens: 3, total_tokens: 3 } }));
    expect(await embed({ texts: ['a', 'b'], dimensions: 2 })).to.deep.equal({
      kind: 'succeeded',
      output: {
        modality: 'embedding',
        embeddings: [
          [0.5, -1],
          [0.25, 2],
        ],
      },
      usage: { inputTokens: 3 },
    });
    expect(scene.stage.seen[0]?.body).to.deep.equal({
      model: 'text-embedding-3-small',
      input: ['a', 'b'],
      encoding_format: 'float',
      dimensions: 2,
    });
  });

  it('asks for many as base64, and believes no more tokens than there can be', async () => {
    const texts = Array.from({ length: 2_048 }, (_, n) => `text ${n}`);
    const data = texts.map((_, index) => ({ index, embedding: base64(index, 1) }));
    scene.stage.play(json({ data, usage: { prompt_tokens: 1e9 } }));
    const outcome = await embed({ texts });
    if (outcome.kind !== 'succeeded' || outcome.output.modality !== 'embedding') expect.fail();
    expect(outcome.output.embeddings).to.have.length(2_048);
    expect(outcome.output.embeddings[2_047]).to.deep.equal([2_047, 1]);
    expect(outcome.usage.inputTokens).to.be.within(texts.join('').length, 1e6);
    expect(scene.stage.seen[0]?.body).to.include({ encoding_format: 'base64' });
  });

  it('counts pictures as pictures, and the texts beside them not', async () => {
    const png = inputFile('image/png', Buffer.from('picture'));
    const data = [0, 1, 2].map((index) => ({ index, embedding: [index, 1] }));
    scene.stage.play(json({ data, usage: { prompt_tokens: 9 } }));
    const outcome = await embed(
      { texts: ['a', 'b'], images: ['file_1'] },
      { files: new Map([['file_1', png]]) },
    );
    if (outcome.kind !== 'succeeded') expect.fail();
    expect(outcome.usage).to.deep.equal({ inputTokens: 9, images: 1 });
  });

  it('takes no vectors of another length than was asked for', async () => {
    scene.stage.play(json({ data: [{ index: 0, embedding: base64(1, 2, 3) }] }));
    const outcome = await embed({ texts: ['a'], dimensions: 2 });
    expect(outcome).to.include({ kind: 'failed', code: 'GENERATION_FAILED', elsewhere: true });
  });

  const wrong: Record<string, unknown> = {
    'too few vectors': [{ index: 0, embedding: [1] }],
    'one twice': [
      { index: 0, embedding: [1] },
      { index: 0, embedding: [2] },
    ],
    'another length': [
      { index: 0, embedding: [1] },
      { index: 1, embedding: [1, 2] },
    ],
    'what is no number': [
      { index: 0, embedding: [1] },
      { index: 1, embedding: ['1'] },
    ],
  };
  for (const [what, data] of Object.entries(wrong))
    it(`takes no answer with ${what}`, async () => {
      scene.stage.play(json({ data }));
      const outcome = await embed({ texts: ['a', 'b'] });
      expect(outcome).to.include({ kind: 'failed', code: 'GENERATION_FAILED', retryable: true });
    });
});
