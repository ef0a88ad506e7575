import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { FileStored } from '../../contracts/events/file.js';
import type { OutputFile } from '../../contracts/events/execution.js';
import { outputFileIdOf, type OrganizationId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { appendOf, readEvents } from '../../command-handling/streams.js';
import { NO_STREAM } from '../../infra/event-store/port.js';
import type { ProducedFile } from '../../providers/port.js';
import { projectorWorkers } from '../../projectors/app.js';
import { eventually } from '../../testing/eventually.js';
import { openSpecInfra, type SpecInfra } from '../../runtime/testing/spec-infra.js';
import { startReceiver, type Manner } from '../../testing/receiver.js';
import { behave } from '../../sandbox/testing/behaviour.js';
import { processorWorkers } from '../app.js';
import { mp4Of, wavOf } from '../../infra/files/testing/media.js';
import type { DeliveredOutput } from './delivered.js';
import { openRehostFiles } from './rehost-files.js';
import {
  ask,
  cancel,
  deliverTo,
  eventOf,
  IMAGE,
  newOrganization,
  smallImage,
  typesOf,
  whenHoldEnded,
  whenOver,
  type Asked,
} from '../testing/kit.js';
import { openPlace, PNG } from '../testing/picture-place.js';

/** The same, with text behind its end. */
const OTHER_PNG = Buffer.concat([PNG, Buffer.from('other')]);
const WAV = Buffer.concat([Buffer.from('RIFF$\0\0\0WAVEfmt ', 'latin1'), Buffer.alloc(64)]);
const sha256Of = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('rehost-files', function () {
  this.timeout(60_000);
  let spec: SpecInfra;
  let stop: () => Promise<void>;

  before(async () => {
    // A model of this name is not asked for bytes, so the sandbox answers with addresses.
    spec = await openSpecInfra(({ models }) => {
      for (const route of models[IMAGE]?.routes ?? []) route.provider_model = 'gpt-image-spec';
    });
    await behave(spec.sandbox.url, { aurora: { latency: 5 }, borealis: { latency: 5 } });
  });
  after(() => spec.close());
  beforeEach(() => {
    const { infra } = spec;
    stop = spec.run([...projectorWorkers(infra), ...processorWorkers(infra)]);
  });
  afterEach(async () => {
    await stop();
    spec.clock.aheadMs = 0;
  });

  const picture = (more: object = {}) =>
    ask(spec.infra, { model: IMAGE, input: { ...smallImage('Paper boats'), ...more } });

  /** As if a provider had delivered these; everything after it is still to be done. */
  const delivered = (...images: ProducedFile[]) => deliveredTo(newOrganization(), ...images);

  const deliveredTo = async (
    organizationId: OrganizationId,
    ...images: ProducedFile[]
  ): Promise<Asked> => deliveredAs({ modality: 'image', images }, organizationId);
  const deliveredAs = async (
    output: DeliveredOutput,
    organizationId = newOrganization(),
  ): Promise<Asked> => {
    await stop();
    return deliverTo(spec.infra, organizationId, output);
  };
  const start = () => {
    const { infra } = spec;
    stop = spec.run([...projectorWorkers(infra), ...processorWorkers(infra)]);
  };
  const filesOf = async (asked: Asked): Promise<readonly OutputFile[]> =>
    (await eventOf(spec.infra, asked, 'ExecutionCompleted')).data.files;
  const storedEvents = ({ executionId }: Asked, index = 0) =>
    readEvents<FileStored>(spec.infra.store, streamOf('file', outputFileIdOf(executionId, index)));
  const serving = async (body: Buffer, manner: Manner = {}) => startReceiver({ ...manner, body });
  const failedFor = async (asked: Asked) => {
    expect(await whenOver(spec.infra, asked)).to.equal('failed');
    const { data } = await eventOf(spec.infra, asked, 'ExecutionFailed');
    expect(data.code).to.equal('GENERATION_FAILED');
    expect((await whenHoldEnded(spec.infra, asked)).type).to.equal('HoldReleased');
    return data;
  };

  it('keeps every picture of a provider as a file of ours', async () => {
    const { infra } = spec;
    const asked = await picture({ num_images: 2 });
    expect(await whenOver(infra, asked)).to.equal('completed');
    expect(await typesOf(infra, asked)).to.deep.equal([
      'ExecutionRequested',
      'ProviderDispatched',
      'ProviderSucceeded',
      'ExecutionCompleted',
    ]);
    const files = await filesOf(asked);
    expect(files.map(({ fileId }) => fileId)).to.deep.equal([
      ...[0, 1].map((index) => outputFileIdOf(asked.executionId, index)),
    ]);
    for (const [index, file] of files.entries()) {
      const bytes = await buffer((await infra.files.open(file.fileId)) ?? Readable.from([]));
      expect(file).to.include({ contentType: 'image/png', format: 'png', width: 256, height: 256 });
      expect([file.sizeBytes, file.sha256]).to.deep.equal([bytes.length, sha256Of(bytes)]);
      const [stored] = await storedEvents(asked, index);
      expect(stored?.data).to.deep.include({ ...file, executionId: asked.executionId });
    }
    const { data } = await eventOf(infra, asked, 'ExecutionCompleted');
    expect(JSON.stringify(data.summary)).to.not.include('http');
    const output = JSON.parse(String(await infra.payloads.get(data.output))) as object;
    expect(output).to.deep.equal(data.summary);
    const ended = await whenHoldEnded(infra, asked);
    expect(ended.type === 'HoldSettled' && ended.data.charged).to.equal(data.cost);
  });

  it('goes on where a killed process had stopped, to the same files', async () => {
    const { infra } = spec;
    const server = await serving(PNG);
    const asked = await delivered({ url: server.url });
    // The killed one had kept and recorded the file.
    start();
    await whenOver(infra, asked);
    const files = await filesOf(asked);
    expect(server.told).to.have.length(1);

    const other = await delivered({ url: server.url });
    const fileId = await stored(other, PNG, true);
    start();
    expect(await whenOver(infra, other)).to.equal('completed');
    expect(await filesOf(other)).to.deep.equal(files.map((file) => ({ ...file, fileId })));
    expect(server.told, 'not fetched again').to.have.length(1);
    expect(await storedEvents(other)).to.have.length(1);
    await server.close();
  });

  /** As if a process had been killed when it had put, and perhaps recorded, these bytes. */
  const stored = async (asked: Asked, bytes: Buffer, isRecorded: boolean) => {
    const { infra } = spec;
    const fileId = outputFileIdOf(asked.executionId, 0);
    const { executionId, organizationId } = asked;
    const put = await infra.files.put(fileId, organizationId, Readable.from([bytes]), bytes.length);
    if (!isRecorded) return fileId;
    const shape = { contentType: 'image/png', format: 'png', width: 1, height: 1 };
    const at = new Date(infra.now()).toISOString();
    const owner = { fileId, organizationId, executionId, purpose: 'OUTPUT' } as const;
    const event: FileStored = { type: 'FileStored', data: { ...owner, ...shape, ...put, at } };
    const metadata = { actor: 'spec', correlationId: 'spec', causationId: 'spec' };
    const append = appendOf(streamOf('file', fileId), NO_STREAM, [event], metadata);
    await infra.store.append({ appends: [append] });
    return fileId;
  };

  it('keeps the bytes that were stored, though the provider has others by now', async () => {
    const { infra } = spec;
    const server = await serving(OTHER_PNG);
    const asked = await delivered({ url: server.url });
    const fileId = await stored(asked, PNG, false);
    start();
    expect(await whenOver(infra, asked)).to.equal('completed');
    expect((await filesOf(asked))[0]).to.include({ sha256: sha256Of(PNG), sizeBytes: PNG.length });
    const bytes = await buffer((await infra.files.open(fileId)) ?? Readable.from([]));
    expect(bytes.equals(PNG)).to.equal(true);
    expect(server.told).to.have.length(0);
    await server.close();
  });

  it('never puts other bytes under a digest that is recorded', async () => {
    const { infra } = spec;
    const server = await serving(OTHER_PNG);
    const lost = await delivered({ url: server.url });
    await infra.files.remove(await stored(lost, PNG, true));
    const damaged = await delivered({ url: server.url });
    const fileId = await stored(damaged, PNG, true);
    await infra.files.remove(fileId);
    await infra.files.put(fileId, damaged.organizationId, Readable.from([PNG.subarray(1)]), 1_000);
    start();
    for (const asked of [lost, damaged]) {
      await failedFor(asked);
      expect(await infra.files.size(outputFileIdOf(asked.executionId, 0))).to.equal(undefined);
      expect(await storedEvents(asked)).to.have.length(1);
    }
    const same = await serving(PNG);
    const found = await delivered({ url: same.url });
    await infra.files.remove(await stored(found, PNG, true));
    start();
    expect(await whenOver(infra, found), 'the same bytes are fetched again').to.equal('completed');
    await Promise.all([server.close(), same.close()]);
  });

  it('lets nobody wait for outputs that hang, not at the same host either', async () => {
    const { infra } = spec;
    const isSlow = (path: string) => path.startsWith('/slow');
    const server = await serving(PNG, { slowMs: 30_000, isSlow });
    const url = new URL('/slow', server.url).href;
    const organizationId = newOrganization();
    const hanging: Asked[] = [];
    for (let n = 0; n < 40; n += 1) hanging.push(await deliveredTo(organizationId, { url }));
    const others: Asked[] = [];
    for (let n = 0; n < 5; n += 1) others.push(await delivered({ url: server.url }));
    start();
    await eventually('many hang', () => server.told.filter(({ path }) => isSlow(path)).length > 15);
    const later = await picture();
    const startedAtMs = performance.now();
    for (const asked of [...others, later])
      expect(await whenOver(infra, asked)).to.equal('completed');
    expect(performance.now() - startedAtMs).to.be.below(12_000);
    for (const asked of hanging)
      expect((await typesOf(infra, asked)).at(-1)).to.equal('ProviderSucceeded');
    await stop();
    for (const asked of hanging) await cancel(infra, asked);
    await server.close();
    start();
  });

  it('tells once of an output that cannot be fetched, by its provider', async () => {
    const { infra } = spec;
    const dead = await serving(PNG, { failFirst: 3 });
    const asked = await delivered({ url: dead.url });
    const undelivered: string[] = [];
    const rehosting = openRehostFiles(infra, (provider) => undelivered.push(provider));
    const run = async (signal: AbortSignal) => {
      await infra.bus.run(rehosting.group, signal);
      await rehosting.drain();
    };
    stop = spec.run([...projectorWorkers(infra), { name: 'rehost-files', run }]);
    expect(await whenOver(infra, asked)).to.equal('completed');
    expect(undelivered).to.deep.equal(['aurora-images']);
    await dead.close();
  });

  it('tries an address again that fails now, and only for so long', async () => {
    const { infra } = spec;
    const server = await serving(PNG, { failFirst: 2 });
    const asked = await delivered({ url: server.url });
    start();
    expect(await whenOver(infra, asked)).to.equal('completed');
    expect(server.told.map(({ status }) => status)).to.deep.equal([500, 500, 200]);

    const dead = await serving(PNG, { status: 503 });
    const hopeless = await delivered({ url: dead.url });
    start();
    await eventually('it was tried', () => dead.told.length > 1);
    expect((await typesOf(infra, hopeless)).at(-1)).to.equal('ProviderSucceeded');
    spec.clock.aheadMs = 3 * 60_000;
    await failedFor(hopeless);
    await Promise.all([server.close(), dead.close()]);
  });

  it('finds a picture wherever and however a provider put it', async () => {
    const { infra } = spec;
    const place = await openPlace();
    const base64 = PNG.toString('base64');
    const wrapped = base64.replaceAll('+', '-').replaceAll('/', '_').replace(/.{20}/g, '$&\r\n');
    const escaped = [...PNG].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
    const sources: ProducedFile[] = [
      { url: `data:image/png;base64,${base64}` },
      { base64: `data:image/png;base64,${base64}` },
      { url: `data:image/png,${escaped}` },
      { base64: wrapped.replace(/=+$/, '') },
      { url: `${place.url}/hop/3` },
      { url: `${place.url}/gzip` },
      { url: `${place.url}/Identity` },
      { url: `${place.url}/nonsense` },
      { url: `${place.url}/early` },
      { url: `${place.url}/short` },
      { url: `${place.url}/a picture of Zoë & ümlauts.png` },
      { url: `${place.url}/long?signature=${'x'.repeat(2_500)}` },
    ];
    const asked = await Promise.all(sources.map((source) => delivered(source)));
    start();
    for (const [index, one] of asked.entries()) {
      expect(await whenOver(infra, one), `source ${index}`).to.equal('completed');
      expect((await filesOf(one))[0]).to.include({ sha256: sha256Of(PNG), width: 1, height: 1 });
    }
    expect(place.asked.filter((path) => path === '/early')).to.have.length(3);
    await place.close();
  });

  it('keeps and charges what can be kept, and operators see why the rest is lost', async () => {
    const { infra } = spec;
    const base64 = PNG.toString('base64');
    const images = [{ base64: WAV.toString('base64') }, { base64 }, { base64: '' }, { base64 }];
    const asked = await delivered(...images);
    start();
    expect(await whenOver(infra, asked)).to.equal('completed');
    const { data } = await eventOf(infra, asked, 'ExecutionCompleted');
    const kept = [1, 3].map((index) => outputFileIdOf(asked.executionId, index));
    expect(data.files.map(({ fileId }) => fileId)).to.deep.equal(kept);
    expect(data.usage).to.deep.equal({ images: 2, pixels: 2 });
    expect([data.cost, data.providerCost, data.ratedCost]).to.deep.equal([
      48_000n,
      60_000n,
      80_000n,
    ]);
    expect(data.detail).to.equal('output 1: audio/wav, where image is due; output 3: no bytes');
    for (const index of [0, 2])
      expect(await infra.files.size(outputFileIdOf(asked.executionId, index))).to.equal(undefined);
  });

  it('fails when nothing can be kept, says why, and leaves nothing behind', async () => {
    const { infra } = spec;
    const place = await openPlace();
    const refused = 'The URL is refused: its address is not a public one.';
    const unusable: [ProducedFile, string][] = [
      [{ url: 'http://169.254.169.254/latest' }, refused],
      [{ url: 'not a url' }, 'its address is no URL'],
      [{ url: `${place.url}/gone` }, 'HTTP 404'],
      [{ url: `${place.url}/teapot` }, 'HTTP 418'],
      [{ url: `${place.url}/inside` }, refused],
      [{ url: `${place.url}/hop/9` }, 'more than 5 redirects'],
      [{ url: `${place.url}/page` }, 'no known format'],
      [{ url: `${place.url}/announced` }, 'larger than 150 MB'],
      [{ base64: WAV.toString('base64') }, 'audio/wav, where image is due'],
      [{ base64: '' }, 'no bytes'],
      [{ url: 'data:image/png;base64' }, 'a data URL without data'],
    ];
    const asked = await Promise.all(unusable.map(([source]) => delivered(source)));
    start();
    for (const [index, one] of asked.entries()) {
      const { detail } = await failedFor(one);
      expect(detail).to.equal(`output 1: ${unusable[index]?.[1]}`);
      const fileId = outputFileIdOf(one.executionId, 0);
      const isGone = async () => (await infra.files.size(fileId)) === undefined;
      await eventually('nothing is left', isGone);
      expect(await storedEvents(one)).to.deep.equal([]);
    }
    expect(place.asked.filter((path) => path === '/gone')).to.have.length(4);
    await place.close();
  });

  it('keeps sound, films and numbers, and charges by what they are', async () => {
    const { infra } = spec;
    const speech = await deliveredAs({
      modality: 'audio',
      audio: { base64: bytesOf(wavOf(1_500)) },
    });
    const film = await deliveredAs({ modality: 'video', video: { base64: bytesOf(mp4Of(2_040)) } });
    const numbers = Buffer.alloc(80, 1);
    const shape = [5, 4] as const;
    const vectors = { base64: bytesOf(numbers) };
    const embedding = await deliveredAs({ modality: 'embedding', vectors, shape });
    start();
    const outputs: object[] = [];
    for (const asked of [speech, film, embedding]) {
      expect(await whenOver(infra, asked)).to.equal('completed');
      const { data } = await eventOf(infra, asked, 'ExecutionCompleted');
      outputs.push({ ...data.summary, seconds: data.usage.seconds });
    }
    const fileOf = ({ executionId }: Asked) => outputFileIdOf(executionId, 0);
    const size = { width: 1280, height: 720 };
    expect(outputs).to.deep.equal([
      { audio: { file_id: fileOf(speech), format: 'wav', duration_ms: 1_500 }, seconds: 1.5 },
      {
        video: { file_id: fileOf(film), format: 'mp4', ...size, duration_ms: 2_040 },
        seconds: 2.04,
      },
      {
        embeddings: { file_id: fileOf(embedding), format: 'float32', shape: [5, 4] },
        dimensions: 4,
        usage: { input_tokens: 0 },
        seconds: undefined,
      },
    ]);
    const [stored] = await storedEvents(embedding);
    expect(stored?.data).to.include({ contentType: 'application/octet-stream', sizeBytes: 80 });
    expect(stored?.data.shape).to.deep.equal([5, 4]);
    expect((await storedEvents(speech))[0]?.data.durationMs).to.equal(1_500);
  });

  it('stops fetching for an execution that is cancelled, and keeps nothing', async () => {
    const { infra } = spec;
    const place = await openPlace();
    const base64 = PNG.toString('base64');
    const asked = await delivered({ base64 }, { url: `${place.url}/slow` });
    start();
    await eventually('the second is fetched', () => place.asked.includes('/slow'));
    await cancel(infra, asked);
    await eventually('the connection is closed', () => place.open() === 0, 2_000);
    for (const index of [0, 1]) {
      const fileId = outputFileIdOf(asked.executionId, index);
      const isGone = async () => (await infra.files.size(fileId)) === undefined;
      await eventually('nothing is left', isGone);
      expect(await storedEvents(asked, index)).to.deep.equal([]);
    }
    expect((await whenHoldEnded(infra, asked)).type).to.equal('HoldReleased');
    await place.close();
  });
});

const bytesOf = (bytes: Buffer) => bytes.toString('base64');
