import { expect } from 'chai';
import type { Model } from '../../contracts/catalogue/catalogue.js';
import type { Modality, Usage } from '../../contracts/events/execution.js';
import { usageMax } from './usage-max.js';

const used = (modality: Modality, usageDefault: Usage, input: object) =>
  usageMax({ modality, usageDefault } as Model, input as Record<string, unknown>);

describe('pricing: the most that an input can use', () => {
  it('counts the pixels of all images, by their size or by the default', () => {
    const size = { num_images: 3, width: 1_000, height: 500 };
    expect(used('image', { images: 1 }, size)).to.deep.equal({ images: 3, pixels: 1_500_000 });
    const ratio = { num_images: 2, aspect_ratio: '16:9' };
    expect(used('image', { images: 1, pixels: 9 }, ratio)).to.deep.equal({
      images: 2,
      pixels: 18,
    });
  });

  it('counts the tokens of images where the model is counted in them', () => {
    const usage = used(
      'image',
      { images: 1, outputTokens: 4_160 },
      { prompt: 'ab', num_images: 2 },
    );
    expect(usage).to.deep.equal({ images: 2, inputTokens: 16 + 2, outputTokens: 8_320 });
  });

  it('counts an image, a recording and a document of a message as large ones', () => {
    const tokensOf = (type: string) => {
      const part = { type, file_id: 'f' };
      const messages = [{ role: 'user', content: [part] }];
      const { inputTokens = 0 } = used('text', {}, { messages, max_tokens: 1 });
      return inputTokens - 48 - 'user'.length - type.length - 1;
    };
    expect(['image', 'audio', 'file', 'text'].map(tokensOf)).to.deep.equal([
      5_000, 25_000, 100_000, 0,
    ]);
  });

  it('gives slow speech the time it needs, where the model does not bound it', () => {
    expect(used('audio', {}, { text: 'x'.repeat(81) })).to.deep.equal({
      characters: 81,
      seconds: 11,
    });
    expect(used('audio', {}, { text: 'x'.repeat(80), speed: 0.5 }).seconds).to.equal(20);
    expect(used('audio', { seconds: 3 }, { text: 'x'.repeat(80) }).seconds).to.equal(3);
  });

  it('counts the tokens of texts, and images by their number', () => {
    expect(used('embedding', {}, { texts: ['ab', 'c'] })).to.deep.equal({ inputTokens: 19 });
    const { images } = used('embedding', {}, { images: ['a', 'b'] });
    expect(images).to.equal(2);
  });
});
