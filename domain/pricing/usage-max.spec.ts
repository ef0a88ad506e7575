import { expect } from 'chai';
import type { Model } from '../../contracts/catalogue/catalogue.js';
import type { Modality, Usage } from '../../contracts/events/execution.js';
import { usageMax } from './usage-max.js';

const used = (modality: Modality, usageDefault: Usage, input: object, heard?: number) =>
  usageMax({ modality, usageDefault } as Model, input as Record<string, unknown>, heard);

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

  it('counts the pictures that a picture is made from', () => {
    const from = { prompt: 'ab', image: 'f', images: ['f', 'f'], mask: 'f', num_images: 1 };
    const { inputTokens } = used('image', { images: 1, outputTokens: 9 }, from);
    expect(inputTokens).to.equal(16 + 2 + 4 + 4 * 5_000);
  });

  it('is a count for whatever size a schema lets through', () => {
    const pixelsOf = (width: number, height: number) =>
      used('image', { images: 1 }, { num_images: 1, width, height }).pixels;
    expect(pixelsOf(0.5, 3)).to.equal(2);
    expect(pixelsOf(1e200, 1e9)).to.equal(Number.MAX_SAFE_INTEGER);
    expect(pixelsOf(-1, 8)).to.equal(undefined);
    expect(used('image', { images: 1 }, { num_images: 0 })).to.deep.equal({ images: 1 });
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
      seconds: 12,
    });
    expect(used('audio', {}, { text: 'x'.repeat(80), speed: 0.5 }).seconds).to.equal(21);
    expect(used('audio', {}, { text: '\u6c5f'.repeat(80) }).seconds, 'a syllable each').to.equal(
      31,
    );
    expect(used('audio', {}, { text: '7'.repeat(80) }).seconds, 'a word each').to.equal(61);
    expect(used('audio', { seconds: 3 }, { text: 'x'.repeat(80) }).seconds).to.equal(3);
  });

  it('gives a recording its own length, where that is more than the usual', () => {
    expect(used('transcription', { seconds: 600 }, { audio: 'f' })).to.deep.equal({ seconds: 600 });
    expect(used('transcription', { seconds: 600 }, { audio: 'f' }, 5).seconds).to.equal(600);
    expect(used('transcription', { seconds: 600 }, { audio: 'f' }, 7_200.5).seconds).to.equal(
      7_200.5,
    );
    expect(used('video', { seconds: 5 }, { duration_s: 5 }, 900).seconds).to.equal(5);
  });

  it('counts the tokens of texts, and images by their number', () => {
    expect(used('embedding', {}, { texts: ['ab', 'c'] })).to.deep.equal({ inputTokens: 19 });
    const { images } = used('embedding', {}, { images: ['a', 'b'] });
    expect(images).to.equal(2);
  });
});
