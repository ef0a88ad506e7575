import { expect } from 'chai';
import { adapterStage } from '../testing/adapter-stage.js';
import { providerAdapterContract } from '../testing/contract.js';
import { wavOf } from '../../infra/files/testing/media.js';
import { json, type Answer } from '../testing/stage.js';

providerAdapterContract('openai-speech', {
  adapter: 'openai-speech',
  path: '/audio/speech',
  call: { modality: 'audio', input: { text: 'canary-prompt-1b2f', voice: 'alloy' } },
  answer: { audio: 'UklGRg==' },
  outcome: {
    kind: 'succeeded',
    output: { modality: 'audio', audio: { base64: 'UklGRg==' } },
    usage: { characters: 18 },
  },
});

describe('provider adapter: openai-speech, its own', () => {
  const scene = adapterStage('openai-speech', { providerModel: 'tts-1', modality: 'audio' });
  const speak = scene.call;
  const sound =
    (bytes: Buffer, contentType: string): Answer =>
    (response) =>
      void response.writeHead(200, { 'content-type': contentType }).end(bytes);

  it('asks as the reference has it, and reads the sound that comes back', async () => {
    const wav = wavOf(20);
    scene.stage.play(sound(wav, 'audio/wav'));
    const input = { text: 'Grüße 🌍', voice: 'nova', format: 'wav', speed: 1.25 };
    expect(await speak({ ...input, instructions: 'Softly.' })).to.deep.equal({
      kind: 'succeeded',
      output: { modality: 'audio', audio: { base64: wav.toString('base64') } },
      usage: { characters: 7 },
    });
    const [seen] = scene.stage.seen;
    expect(seen?.headers.accept).to.equal('audio/*, application/json');
    expect(seen?.body).to.deep.equal({
      model: 'tts-1',
      input: 'Grüße 🌍',
      voice: 'nova',
      response_format: 'wav',
      speed: 1.25,
      instructions: 'Softly.',
    });
  });

  it('finds the sound in an answer of JSON, and makes a file of raw samples', async () => {
    const answers: [object, object][] = [
      [{ data: { audio_url: 'https://cdn.example/a.mp3' } }, { url: 'https://cdn.example/a.mp3' }],
      [{ id: 'x', audio_base64: 'AAAA' }, { base64: 'AAAA' }],
      [{ url: 'data:audio/wav;base64,AA==' }, { url: 'data:audio/wav;base64,AA==' }],
      [{ audio_url: '/files/a.mp3' }, { url: `${scene.stage.url}/files/a.mp3` }],
    ];
    for (const [answer, audio] of answers) {
      scene.stage.play(json(answer));
      const outcome = await speak({ text: 'x' });
      expect(outcome.kind === 'succeeded' && outcome.output).to.deep.include({ audio });
    }
    scene.stage.play(sound(Buffer.alloc(48), 'audio/pcm'));
    const outcome = await speak({ text: 'x', format: 'pcm' });
    if (outcome.kind !== 'succeeded' || outcome.output.modality !== 'audio') expect.fail();
    const { audio } = outcome.output;
    const bytes = Buffer.from('base64' in audio ? audio.base64 : '', 'base64');
    expect([bytes.toString('latin1', 0, 4), bytes.length]).to.deep.equal(['RIFF', 92]);
    expect([bytes.readUInt32LE(24), bytes.readUInt32LE(40)]).to.deep.equal([24_000, 48]);
  });

  it('takes no page and no picture for sound', async () => {
    for (const bytes of [Buffer.from('<html></html>'), Buffer.from('GIF89a,\x01,\x01', 'latin1')]) {
      scene.stage.play(sound(bytes, 'audio/mpeg'));
      const outcome = await speak({ text: 'x' });
      expect(outcome).to.include({ kind: 'failed', code: 'GENERATION_FAILED', retryable: true });
    }
  });
});
