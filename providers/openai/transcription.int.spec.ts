import { expect } from 'chai';
import type { ProviderCall } from '../port.js';
import { adapterStage } from '../testing/adapter-stage.js';
import { providerAdapterContract } from '../testing/contract.js';
import { inputFile } from '../testing/input-files.js';
import { json } from '../testing/stage.js';

const fileId = 'file_0b5c3a52-6f0e-4e0a-9a53-0d4a5d1f2b7c';
const sound = inputFile('audio/wav', Buffer.from('sound'));
const files = new Map([[fileId, sound]]);

providerAdapterContract('openai-transcription', {
  adapter: 'openai-transcription',
  path: '/audio/transcriptions',
  call: { modality: 'transcription', input: { audio: fileId }, files },
  form: true,
  answer: { text: 'Hello.' },
  outcome: {
    kind: 'succeeded',
    output: { modality: 'transcription', text: 'Hello.', segments: [] },
    usage: {},
  },
});

describe('provider adapter: openai-transcription, its own', () => {
  const scene = adapterStage('openai-transcription', {
    providerModel: 'whisper-1',
    modality: 'transcription',
    files,
  });
  const hear = (input: ProviderCall['input'], more: Partial<ProviderCall> = {}) =>
    scene.call({ audio: fileId, ...input }, more);
  const partsSeen = (index: number) => {
    const { headers, text = '' } = scene.stage.seen[index] ?? { headers: {} };
    const [, boundary = ''] = headers['content-type']?.split('boundary=') ?? [];
    return text.split(`--${boundary}`).slice(1, -1);
  };
  const part = (name: string, value: string) =>
    `\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const filePart =
    '\r\ncontent-disposition: form-data; name="file"; filename="file.wav"\r\n' +
    'content-type: audio/wav\r\n\r\nsound\r\n';

  it('asks as the reference has it, and reads words, language and times', async () => {
    scene.stage.play(
      json({
        task: 'transcribe',
        language: 'german',
        duration: 3.42,
        text: ' Guten Tag. ',
        segments: [
          { id: 0, start: 0, end: 1.5, text: ' Guten' },
          { id: 1, start: 1.5, end: 3.4, text: ' Tag.', tokens: [1] },
          { start: 'x' },
        ],
      }),
    );
    expect(await hear({ timestamps: true, temperature: 0 })).to.deep.equal({
      kind: 'succeeded',
      output: {
        modality: 'transcription',
        text: 'Guten Tag.',
        language: 'de',
        durationMs: 3_420,
        segments: [
          { startMs: 0, endMs: 1_500, text: 'Guten' },
          { startMs: 1_500, endMs: 3_400, text: 'Tag.' },
        ],
      },
      usage: { seconds: 3.42 },
    });
    expect(partsSeen(0)).to.deep.equal([
      part('temperature', '0'),
      part('model', 'whisper-1'),
      part('response_format', 'verbose_json'),
      part('timestamp_granularities[]', 'segment'),
      filePart,
    ]);
  });

  it('asks newer models for what they have, and believes the file about its length', async () => {
    scene.stage.play(json({ text: 'Hello.', usage: { type: 'duration', seconds: 99 } }));
    const measured = new Map([[fileId, { ...sound, durationMs: 2_500 }]]);
    const providerModel = 'gpt-4o-transcribe';
    const outcome = await hear({ language: 'en' }, { files: measured, providerModel });
    expect(outcome).to.deep.equal({
      kind: 'succeeded',
      output: {
        modality: 'transcription',
        text: 'Hello.',
        language: 'en',
        durationMs: 2_500,
        segments: [],
      },
      usage: { seconds: 2.5 },
    });
    expect(partsSeen(0)).to.deep.equal([
      part('language', 'en'),
      part('model', 'gpt-4o-transcribe'),
      part('response_format', 'json'),
      filePart,
    ]);
  });

  it('sends nothing when the sound is gone', async () => {
    const outcome = await hear({}, { files: new Map() });
    expect(outcome).to.include({ kind: 'failed', code: 'FILE_NOT_FOUND', retryable: false });
    expect(scene.stage.seen).to.be.empty;
  });
});
