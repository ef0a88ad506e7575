/** The described providers of catalogue.examples/, answered in the shapes that they document. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { repositoryRoot } from '../../testing/child-process.js';
import { withDefaults } from '../../domain/pricing/defaults.js';
import { loadCatalogue } from '../catalogue/load-catalogue.js';
import { openProviders } from '../open-providers.js';
import type { PolledJob, ProviderCall, Providers } from '../port.js';
import { inputFile } from '../testing/input-files.js';
import { json, openStage, type Stage } from '../testing/stage.js';

const FILE = 'file_00000000-0000-4000-8000-000000000001';

describe('providers that catalogue.examples/ describes', () => {
  let stage: Stage;
  let providers: Providers;

  beforeEach(async () => {
    stage = await openStage();
    providers = openProviders({ credentials: () => 'key' });
  });
  afterEach(async () => {
    await providers.close();
    await stage.close();
  });

  /** A call as an execution makes it, but to the stage. */
  const callOf = (file: string, given: object, files = new Map()): ProviderCall => {
    const text = readFileSync(join(repositoryRoot, 'catalogue.examples', file), 'utf8');
    const result = loadCatalogue(text, {});
    if (!('catalogue' in result)) throw new Error(result.problems.join());
    const [model] = result.catalogue.models.values();
    const [route] = model?.routes ?? [];
    const provider = result.catalogue.providers.get(route?.provider ?? '');
    if (!model || !route || !provider) throw new Error(`${file} has no route`);
    return {
      provider: { ...provider, baseUrl: stage.url },
      providerModel: route.providerModel,
      modality: model.modality,
      input: withDefaults(model, given as Record<string, unknown>),
      files: files as NonNullable<ProviderCall['files']>,
      dispatchKey: 'k',
      timeoutMs: 2_000,
      signal: new AbortController().signal,
    };
  };
  const adapter = () => providers.adapter('generic-json');

  it('Runway: a task is accepted, asked about, read and cancelled', async () => {
    const files = new Map([[FILE, inputFile('image/png', Buffer.from('png'))]]);
    const call = callOf('runway.yaml', { prompt: 'waves', image: FILE }, files);
    stage.play(json({ id: '17f20503' }));
    expect(await adapter().call(call)).to.deep.equal({
      kind: 'accepted',
      providerJobId: '17f20503',
    });
    const [seen] = stage.seen;
    expect([seen?.method, seen?.path, seen?.headers['x-runway-version']]).to.deep.equal([
      'POST',
      '/v1/image_to_video',
      '2024-11-06',
    ]);
    expect(seen?.headers.authorization).to.equal('Bearer key');
    expect(seen?.body).to.deep.equal({
      model: 'gen4_turbo',
      promptImage: `data:image/png;base64,${Buffer.from('png').toString('base64')}`,
      promptText: 'waves',
      ratio: '1280:720',
      duration: 5,
    });
    const job: PolledJob = { ...call, providerJobId: '17f20503' };
    stage.play(json({ id: '17f20503', status: 'RUNNING', progress: 0.4 }));
    expect(await adapter().poll?.(job)).to.deep.equal({ kind: 'pending' });
    const output = ['https://films.example/a.mp4?token=1'];
    stage.play(json({ id: '17f20503', status: 'SUCCEEDED', output }));
    expect(await adapter().poll?.(job)).to.deep.equal({
      kind: 'succeeded',
      output: { modality: 'video', video: { url: output[0] } },
      usage: { seconds: 5 },
    });
    const failure = { status: 'FAILED', failure: 'No.', failureCode: 'SAFETY.INPUT.TEXT' };
    stage.play(json({ id: '17f20503', ...failure }));
    expect(await adapter().poll?.(job)).to.include({ code: 'CONTENT_MODERATION_REJECTED' });
    stage.play((response) => void response.writeHead(204).end());
    expect(await adapter().cancel?.(job)).to.equal(true);
    expect(stage.seen.at(-1)).to.include({ method: 'DELETE', path: '/v1/tasks/17f20503' });
  });

  it('ElevenLabs: the answer is the sound', async () => {
    stage.play(
      (response) => void response.writeHead(200, { 'content-type': 'audio/mpeg' }).end('ID3'),
    );
    expect(await adapter().call(callOf('elevenlabs.yaml', { text: 'Hello.' }))).to.deep.equal({
      kind: 'succeeded',
      output: { modality: 'audio', audio: { base64: Buffer.from('ID3').toString('base64') } },
      usage: { characters: 6 },
    });
    const [seen] = stage.seen;
    expect(seen?.path).to.equal(
      '/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM?output_format=mp3_44100_128',
    );
    expect(seen?.headers)
      .to.include({ 'xi-api-key': 'key' })
      .and.not.have.property('authorization');
    expect(seen?.body).to.deep.equal({
      text: 'Hello.',
      model_id: 'eleven_flash_v2_5',
      voice_settings: { speed: 1 },
    });
    stage.play(json({ detail: { status: 'quota_exceeded', message: 'No.' } }, 401));
    const refused = await adapter().call(callOf('elevenlabs.yaml', { text: 'Hello.' }));
    expect(refused).to.include({ kind: 'failed', code: 'MODEL_UNAVAILABLE', retryable: true });
  });

  it('Deepgram: the body is the sound, the answer its words', async () => {
    const files = new Map([[FILE, inputFile('audio/wav', Buffer.from('RIFF'))]]);
    stage.play(
      json({
        metadata: { request_id: 'r', duration: 2.5, channels: 1 },
        results: {
          channels: [
            {
              detected_language: 'en',
              alternatives: [{ transcript: 'Hello there.', confidence: 0.99, words: [] }],
            },
          ],
          utterances: [{ start: 0.5, end: 2.25, transcript: 'Hello there.', channel: 0 }],
        },
      }),
    );
    const call = callOf('deepgram.yaml', { audio: FILE }, files);
    expect(await adapter().call(call)).to.deep.equal({
      kind: 'succeeded',
      output: {
        modality: 'transcription',
        text: 'Hello there.',
        language: 'en',
        durationMs: 2_500,
        segments: [{ startMs: 500, endMs: 2_250, text: 'Hello there.' }],
      },
      usage: { seconds: 2.5 },
    });
    const [seen] = stage.seen;
    expect(seen?.path).to.equal(
      '/v1/listen?model=nova-3&smart_format=true&utterances=true&detect_language=true',
    );
    expect(seen?.headers.authorization).to.equal('Token key');
    expect(seen?.text).to.equal('RIFF');
  });
});
