/** What models of hosting providers return for a sound or for texts, in each shape seen. */
import { expect } from 'chai';
import { producedIn } from './produced.js';

const heard = (value: unknown, more: object = {}) =>
  producedIn({ modality: 'transcription', input: { audio: 'file_1' }, ...more }, value);
const embedded = (value: unknown, input: object = {}) =>
  producedIn({ modality: 'embedding', input: { texts: ['a', 'b'], ...input } }, value);

const segments = [
  { startMs: 0, endMs: 1_200, text: 'Hello' },
  { startMs: 1_200, endMs: 2_500, text: 'there.' },
];
const transcription = (more: object = {}) => ({
  modality: 'transcription',
  text: 'Hello there.',
  segments,
  durationMs: 2_500,
  ...more,
});

describe('what a hosted model heard', () => {
  const spoken = [
    { id: 0, start: 0, end: 1.2, text: ' Hello' },
    { id: 1, start: '1.2', end: 2.5, text: ' there.' },
  ];

  it('is its text, with segments and language under the names of each model', () => {
    const whisper = {
      transcription: ' Hello there.',
      detected_language: 'english',
      segments: spoken,
    };
    expect(heard(whisper)).to.deep.equal(transcription({ language: 'en' }));
    const fast = {
      text: ' Hello there.',
      chunks: spoken.map(({ start, end, text }) => ({ timestamp: [start, end], text })),
    };
    expect(heard(fast)).to.deep.equal(transcription());
    const whisperx = { segments: spoken, detected_language: 'de' };
    expect(heard(whisperx), 'the sum of its segments').to.deep.equal(
      transcription({ language: 'de' }),
    );
    const scribe = { text: 'Hello there.', language_code: 'eng', words: [] };
    expect(heard(scribe)).to.deep.equal({
      modality: 'transcription',
      text: 'Hello there.',
      segments: [],
      language: 'eng',
    });
  });

  it('may be a text, or the pieces of one', () => {
    const plain = { modality: 'transcription', text: 'Hello there.', segments: [] };
    expect(heard('Hello there.')).to.deep.equal(plain);
    expect(heard(['Hello', ' there', '.'])).to.deep.equal(plain);
    expect(heard({ output: ['Hello', ' there.'] })).to.deep.equal(plain);
    expect(heard(''), 'silence').to.deep.equal({ ...plain, text: '' });
    for (const none of [null, undefined, 7, {}, [], [7], { segments: [] }])
      expect(heard(none), JSON.stringify(none)).to.equal(undefined);
  });

  it('is as long as the sound says, else as told, and in the language that was asked', () => {
    expect(heard({ text: 'x', duration: 9.5 }, { heardMs: 8_000 })).to.include({
      durationMs: 8_000,
    });
    expect(heard({ text: 'x', duration: 9.5 })).to.include({ durationMs: 9_500 });
    expect(heard('x', { input: { language: 'nb' } })).to.include({ language: 'nb' });
  });
});

describe('vectors of a hosted model', () => {
  const both = {
    modality: 'embedding',
    embeddings: [
      [1, 2],
      [3, 4],
    ],
  };
  const base64 = (...numbers: number[]) =>
    Buffer.from(Float32Array.from(numbers).buffer).toString('base64');

  it('are one for each text, in each shape', () => {
    const rows = [
      [1, 2],
      [3, 4],
    ];
    const shapes: unknown[] = [
      rows,
      { embeddings: rows },
      { output: { vectors: rows } },
      [{ embedding: [1, 2] }, { embedding: [3, 4] }],
      {
        data: [
          { index: 1, embedding: [3, 4] },
          { index: 0, embedding: [1, 2] },
        ],
      },
      [{ values: [1, 2] }, { vector: [3, 4] }],
      [base64(1, 2), { embedding: base64(3, 4) }],
    ];
    for (const shape of shapes) expect(embedded(shape), JSON.stringify(shape)).to.deep.equal(both);
    const one = { modality: 'embedding', embeddings: [[1, 2]] };
    expect(embedded([1, 2], { texts: ['a'] }), 'a list of numbers').to.deep.equal(one);
    expect(embedded({ embedding: [1, 2] }, { texts: ['a'] })).to.deep.equal(one);
  });

  it('are none where there are fewer or more, or they are of other lengths', () => {
    for (const none of [null, {}, [], [1, 2], [[1], [2, 3]], [[1], ['x']], [[1], [2], [3]], 'x'])
      expect(embedded(none), JSON.stringify(none)).to.equal(undefined);
    expect(embedded([[1], [2]], { dimensions: 2 })).to.equal(undefined);
  });
});
