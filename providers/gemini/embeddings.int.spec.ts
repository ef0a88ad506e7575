import { expect } from 'chai';
import { adapterStage } from '../testing/adapter-stage.js';
import { providerAdapterContract } from '../testing/contract.js';
import { json } from '../testing/stage.js';

const request = (text: string) => ({ model: 'models/model-1', content: { parts: [{ text }] } });

providerAdapterContract('gemini-embeddings', {
  adapter: 'gemini-embeddings',
  path: '/models/model-1:batchEmbedContents',
  version: '/v1beta',
  credentialHeader: 'x-goog-api-key',
  body: { requests: [request('canary-prompt-1b2f')] },
  call: { modality: 'embedding', input: { texts: ['canary-prompt-1b2f'] } },
  answer: { embeddings: [{ values: [0.5, -1] }], usageMetadata: { promptTokenCount: 4 } },
  outcome: {
    kind: 'succeeded',
    output: { modality: 'embedding', embeddings: [[0.5, -1]] },
    usage: { inputTokens: 4 },
  },
});

describe('provider adapter: gemini-embeddings, its own', () => {
  const scene = adapterStage('gemini-embeddings', {
    providerModel: 'model-1',
    modality: 'embedding',
  });
  const embed = scene.call;

  it('asks for a vector for each text, and estimates tokens that nobody counted', async () => {
    scene.stage.play(json({ embeddings: [{ values: [1, 0] }, { values: [0, 1] }] }));
    const outcome = await embed({ texts: ['one', 'two'], dimensions: 2 });
    expect(scene.stage.seen[0]?.body).to.deep.equal({
      requests: ['one', 'two'].map((text) => ({ ...request(text), outputDimensionality: 2 })),
    });
    // Six bytes, and 16 for the whole: four bytes are a token.
    expect(outcome).to.deep.equal({
      kind: 'succeeded',
      output: {
        modality: 'embedding',
        embeddings: [
          [1, 0],
          [0, 1],
        ],
      },
      usage: { inputTokens: 6 },
    });
  });

  it('takes no answer whose vectors do not fit', async () => {
    for (const embeddings of [[], [{ values: [1] }, {}], [{ values: [1] }, { values: ['x'] }]]) {
      scene.stage.play(json({ embeddings }));
      const outcome = await embed({ texts: ['one', 'two'] });
      expect(outcome).to.include({ kind: 'failed', code: 'GENERATION_FAILED' });
    }
    scene.stage.play(json({ embeddings: [{ values: [1, 2, 3] }] }));
    const outcome = await embed({ texts: ['one'], dimensions: 2 });
    expect(outcome).to.include({ kind: 'failed', code: 'GENERATION_FAILED', elsewhere: true });
  });
});
