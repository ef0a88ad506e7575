import { expect } from 'chai';
import { outputAtOnce } from './output-at-once.js';

const rows = (count: number, dimensions: number) =>
  Array.from({ length: count }, (_, row) =>
    Array.from({ length: dimensions }, (_, at) => row + at / 4),
  );

describe('an output as it is recorded', () => {
  it('is complete at once where it has no files', () => {
    const segments = [{ startMs: 0, endMs: 900, text: 'Hello.' }];
    expect(
      outputAtOnce({ modality: 'transcription', text: 'Hello.', language: 'en', segments }, {}),
    ).to.deep.equal({
      body: {
        text: 'Hello.',
        language: 'en',
        duration_ms: null,
        segments: [{ start_ms: 0, end_ms: 900, text: 'Hello.' }],
      },
      summary: { language: 'en', duration_ms: null },
    });
    const audio = { base64: 'AA==' };
    expect(outputAtOnce({ modality: 'audio', audio }, {})).to.deep.equal({
      delivered: { modality: 'audio', audio },
    });
  });

  it('has up to 64 KB of numbers in it, and more of them as a file', () => {
    const few = rows(16, 1_024);
    const about = { dimensions: 1_024, usage: { input_tokens: 7 } };
    expect(
      outputAtOnce({ modality: 'embedding', embeddings: few }, { inputTokens: 7 }),
    ).to.deep.equal({ body: { embeddings: few, ...about }, summary: about });
    const made = outputAtOnce({ modality: 'embedding', embeddings: rows(17, 1_024) }, {});
    if (!('delivered' in made) || made.delivered.modality !== 'embedding') expect.fail();
    expect(made.delivered.shape).to.deep.equal([17, 1_024]);
    const bytes = Buffer.from(made.delivered.vectors.base64, 'base64');
    expect(bytes).to.have.length(17 * 1_024 * 4);
    expect([0, 1, 1_024, 1_025].map((at) => bytes.readFloatLE(at * 4))).to.deep.equal([
      0, 0.25, 1, 1.25,
    ]);
  });
});
