/** The bundled models of every modality, from what is asked to what is charged. */
import { expect } from 'chai';
import { buffer } from 'node:stream/consumers';
import type { FileId } from '../../contracts/ids.js';
import { openSpecInfra, type SpecInfra } from '../../runtime/testing/spec-infra.js';
import { behave } from '../../sandbox/testing/behaviour.js';
import { ask, eventOf, newOrganization, whenHoldEnded, whenOver } from '../testing/kit.js';
import { processorWorkers } from '../app.js';

describe('executions of every modality', function () {
  this.timeout(60_000);
  const organizationId = newOrganization();
  let spec: SpecInfra;
  let stop: () => Promise<void>;

  before(async () => {
    spec = await openSpecInfra();
    await behave(spec.sandbox.url, { aurora: { latency: 5 }, borealis: { latency: 5 } });
    stop = spec.run([...processorWorkers(spec.infra)]);
  });
  after(async () => {
    await stop();
    await spec.close();
  });

  const run = async (model: string, input: Readonly<Record<string, unknown>>) => {
    const { infra } = spec;
    const asked = await ask(infra, { organizationId, model, input });
    expect(await whenOver(infra, asked)).to.equal('completed');
    const { data } = await eventOf(infra, asked, 'ExecutionCompleted');
    const output = JSON.parse(String(await infra.payloads.get(data.output))) as Output;
    const ended = await whenHoldEnded(infra, asked);
    expect(ended.type === 'HoldSettled' && ended.data.charged).to.equal(data.cost);
    return { output, data };
  };
  const bytesOf = async (id: FileId) => {
    const stream = await spec.infra.files.open(id);
    return stream ? buffer(stream) : Buffer.alloc(0);
  };
  const spoken = 'Every job is paid. Every step is an event.';

  it('speaks a text by the character, and writes down what was spoken by the second', async () => {
    const speech = await run('tts-standard', { text: spoken });
    const { audio } = speech.output;
    const [file] = speech.data.files;
    expect(audio).to.deep.equal({
      file_id: file?.fileId,
      format: 'wav',
      duration_ms: file?.durationMs,
    });
    expect(audio.duration_ms).to.be.within(1_500, 6_000);
    expect(speech.data.usage).to.deep.equal({
      characters: spoken.length,
      seconds: audio.duration_ms / 1_000,
    });
    // 42 characters at $0.015 a thousand.
    expect(speech.data.cost).to.equal(630n);
    expect((await bytesOf(audio.file_id)).toString('latin1', 8, 12)).to.equal('WAVE');

    const heard = await run('transcription-standard', { audio: audio.file_id, timestamps: true });
    const { text, duration_ms: durationMs, segments } = heard.output;
    expect([text, durationMs]).to.deep.equal([spoken, audio.duration_ms]);
    expect(segments.map((segment) => segment.text)).to.deep.equal([
      'Every job is paid.',
      'Every step is an event.',
    ]);
    expect(segments.at(-1)?.end_ms).to.be.closeTo(durationMs, 1);
    // Six tenths of a cent a minute, rounded up to a micro.
    expect(heard.data.cost).to.equal(BigInt(Math.ceil((6_000 * durationMs) / 60_000)));
  });

  it('gives few vectors at once, and many as a file', async () => {
    const few = await run('embedding-standard', { texts: ['a sea', 'a lake'], dimensions: 8 });
    const rows = few.output.embeddings as readonly (readonly number[])[];
    expect(rows.map((row) => row.length)).to.deep.equal([8, 8]);
    expect(few.output).to.deep.include({ dimensions: 8, usage: { input_tokens: 4 } });
    expect([few.data.files, few.data.cost]).to.deep.equal([[], 1n]);

    const texts = Array.from({ length: 40 }, (_, n) => `text ${n}`);
    const many = await run('embedding-standard', { texts });
    const file = many.output.embeddings as VectorFile;
    expect(file).to.deep.include({ format: 'float32', shape: [40, 1_536] });
    const bytes = await bytesOf(file.file_id);
    expect(bytes).to.have.length(40 * 1_536 * 4);
    const first = Array.from({ length: 1_536 }, (_, at) => bytes.readFloatLE(at * 4));
    expect(Math.hypot(...first)).to.be.closeTo(1, 1e-4);
  });

  it('paints after a picture that was painted before', async () => {
    const size = { width: 256, height: 256 };
    const first = await run('flux-1.1-pro', { prompt: 'boats', ...size });
    const [picture] = first.data.files;
    const input = { prompt: 'boats at night', ...size, image: picture?.fileId, num_images: 2 };
    const second = await run('flux-1.1-pro', input);
    expect(second.output.images).to.have.length(2);
    expect(second.data.usage).to.include({ images: 2, pixels: 2 * 256 * 256 });
    expect(second.data.cost).to.equal(80_000n);
    const calls = second.data.files.map(({ sha256 }) => sha256);
    expect(new Set([...calls, picture?.sha256]).size).to.equal(3);
  });
});

interface VectorFile {
  readonly file_id: FileId;
  readonly format: string;
  readonly shape: readonly number[];
}

interface Output {
  readonly audio: { readonly file_id: FileId; readonly duration_ms: number };
  readonly text: string;
  readonly duration_ms: number;
  readonly segments: readonly { readonly end_ms: number; readonly text: string }[];
  readonly embeddings: VectorFile | readonly (readonly number[])[];
  readonly images: readonly object[];
}
