import { expect } from 'chai';
import { adapterStage } from '../testing/adapter-stage.js';
import { providerAdapterContract } from '../testing/contract.js';
import { inputFile } from '../testing/input-files.js';
import { json } from '../testing/stage.js';

const picture = { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } };

providerAdapterContract('gemini-images', {
  adapter: 'gemini-images',
  path: '/models/model-1:generateContent',
  version: '/v1beta',
  credentialHeader: 'x-goog-api-key',
  body: { generationConfig: { responseModalities: ['TEXT', 'IMAGE'] } },
  call: { modality: 'image', input: { prompt: 'canary-prompt-1b2f boat' } },
  answer: {
    candidates: [{ content: { parts: [{ text: 'Here.' }, picture] }, finishReason: 'STOP' }],
    usageMetadata: { promptTokenCount: 9, candidatesTokenCount: 1_290 },
  },
  outcome: {
    kind: 'succeeded',
    output: { modality: 'image', images: [{ base64: 'iVBORw0KGgo=' }] },
    usage: { images: 1, inputTokens: 9, outputTokens: 1_290 },
  },
});

describe('provider adapter: gemini-images, its own', () => {
  const fileId = 'file_0b5c3a52-6f0e-4e0a-9a53-0d4a5d1f2b7c';
  const scene = adapterStage('gemini-images', {
    providerModel: 'gemini-2.5-flash-image',
    modality: 'image',
    files: new Map([[fileId, inputFile('image/webp', Buffer.from('webp'))]]),
  });
  const paint = scene.call;
  const answering = (candidate: object) => scene.stage.play(json({ candidates: [candidate] }));

  it('sends prompt, pictures and shape as the reference has them', async () => {
    answering({ content: { parts: [picture] } });
    await paint({ prompt: 'at night', image: fileId, width: 1_344, height: 768, seed: 7 });
    expect(scene.stage.seen[0]?.body).to.deep.equal({
      contents: [
        {
          role: 'user',
          parts: [
            { text: 'at night' },
            { inlineData: { mimeType: 'image/webp', data: 'd2VicA==' } },
          ],
        },
      ],
      generationConfig: {
        responseModalities: ['TEXT', 'IMAGE'],
        imageConfig: { aspectRatio: '7:4' },
        seed: 7,
      },
    });
  });

  it('takes the last picture, and none that was drawn in thought', async () => {
    const thought = { inlineData: { mimeType: 'image/png', data: 'AAAA' }, thought: true };
    const last = { inlineData: { mimeType: 'image/png', data: 'BBBB' } };
    const candidates = [{ content: { parts: [thought, picture, last] } }];
    const counts = { promptTokenCount: 9, candidatesTokenCount: 1_290, thoughtsTokenCount: 300 };
    scene.stage.play(json({ candidates, usageMetadata: counts }));
    expect(await paint({ prompt: 'x' })).to.deep.equal({
      kind: 'succeeded',
      output: { modality: 'image', images: [{ base64: 'BBBB' }] },
      usage: { images: 1, inputTokens: 9, outputTokens: 1_590, reasoningTokens: 300 },
    });
  });

  it('tells what was withheld from what was not made, and what it cannot ask for', async () => {
    for (const finishReason of ['IMAGE_SAFETY', 'IMAGE_PROHIBITED_CONTENT', 'MODEL_ARMOR']) {
      answering({ finishReason });
      expect(await paint({ prompt: 'x' })).to.include({
        kind: 'failed',
        code: 'CONTENT_MODERATION_REJECTED',
      });
    }
    scene.stage.play(json({ promptFeedback: { blockReason: 'SAFETY' } }));
    expect(await paint({ prompt: 'x' })).to.include({ code: 'CONTENT_MODERATION_REJECTED' });
    answering({ finishReason: 'NO_IMAGE', content: { parts: [{ text: 'No.' }] } });
    expect(await paint({ prompt: 'x' })).to.include({ code: 'GENERATION_FAILED' });
    const seen = scene.stage.seen.length;
    expect(await paint({ prompt: 'x', num_images: 2 })).to.include({ kind: 'failed' });
    expect(scene.stage.seen).to.have.length(seen);
  });
});
