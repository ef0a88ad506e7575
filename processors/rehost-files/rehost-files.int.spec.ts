import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { FileEvent } from '../../contracts/events/file.js';
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
import { storePayload } from '../../command-handling/store-payload.js';
import { openRehostFiles } from './rehost-files.js';
import {
  ask,
  cancel,
  claimFor,
  decideOn,
  eventOf,
  IMAGE,
  newOrganization,
  smallImage,
  typesOf,
  whenHoldEnded,
  whenOver,
  type Asked,
} from '../testing/kit.js';

/** One red pixel. */
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAE' +
    'hQGAhKmMIQAAAABJRU5ErkJggg==',
  'base64',
);
/** The same, with text behind its end. */
const OTHER_PNG = Buffer.concat([PNG, Buffer.from('other')]);
const WAV = Buffer.concat([Buffer.from('RIFF$\0\0\0WAVEfmt ', 'latin1'), Buffer.alloc(64)]);
const sha256Of = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('rehost-files', function () {
  this.timeout(40_000);
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
  ): Promise<Asked> => {
    const { infra } = spec;
    await stop();
    const input = smallImage('Paper boats');
    const asked = await ask(infra, { organizationId, model: IMAGE, input });
    await claimFor(infra, asked, 'aurora-images', 60_000);
    const output = { modality: 'image', images };
    const prefix = `${asked.executionId}/raw/1`;
    const stored = await storePayload(infra, prefix, asked.organizationId, output);
    if (stored.inline) await infra.payloads.put(stored.inline);
    const success = {
      output: stored.ref,
      usage: { images: 1 },
      cost: 40_000n,
      providerCost: 30_000n,
    };
    const at = new Date(infra.now()).toISOString();
    await decideOn(infra, asked.executionId, { type: 'RecordSuccess', attempt: 1, success, at });
    return asked;
  };
  const start = () => {
    const { infra } = spec;
    stop = spec.run([...projectorWorkers(infra), ...processorWorkers(infra)]);
  };
  const filesOf = async (asked: Asked): Promise<readonly OutputFile[]> =>
    (await eventOf(spec.infra, asked, 'ExecutionCompleted')).data.files;
  const storedEvents = ({ executionId }: Asked, index = 0) =>
    readEvents<FileEvent>(spec.infra.store, streamOf('file', outputFileIdOf(executionId, index)));
  const serving = async (body: Buffer, manner: Manner = {}) => startReceiver({ ...manner, body });
  const failedFor = async (asked: Asked) => {
    expect(await whenOver(spec.infra, asked)).to.equal('failed');
    expect((await eventOf(spec.infra, asked, 'ExecutionFailed')).data.code).to.equal(
      'GENERATION_FAILED',
    );
    expect((await whenHoldEnded(spec.infra, asked)).type).to.equal('HoldReleased');
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
    const put = await infra.files.put(fileId, Readable.from([bytes]), bytes.length);
    if (!isRecorded) return fileId;
    const { executionId, organizationId } = asked;
    const shape = { contentType: 'image/png', format: 'png', width: 1, height: 1 };
    const at = new Date(infra.now()).toISOString();
    const owner = { fileId, organizationId, executionId, purpose: 'OUTPUT' } as const;
    const event: FileEvent = { type: 'FileStored', data: { ...owner, ...shape, ...put, at } };
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
    await infra.files.put(fileId, Readable.from([PNG.subarray(1)]), PNG.length);
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
    expect(performance.now() - startedAtMs).to.be.below(2_000);
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

  const unusable: Record<string, () => Promise<ProducedFile>> = {
    'an address that we never call': async () => ({ url: 'http://169.254.169.254/latest' }),
    'no address at all': async () => ({ url: 'not a url' }),
    'a 404': async () => ({ url: (await serving(PNG, { status: 404 })).url }),
    'a redirect': async () => ({
      url: (await serving(PNG, { status: 302, headers: { location: 'http://10.0.0.1/' } })).url,
    }),
    'a page instead of a picture': async () => ({
      url: (await serving(Buffer.from('<html></html>'))).url,
    }),
    'a sound instead of a picture': async () => ({ base64: WAV.toString('base64') }),
    nothing: async () => ({ base64: '' }),
  };
  for (const [what, produced] of Object.entries(unusable))
    it(`fails when the provider delivered ${what}, and leaves nothing behind`, async () => {
      const { infra } = spec;
      const asked = await delivered({ base64: PNG.toString('base64') }, await produced());
      start();
      await failedFor(asked);
      for (const index of [0, 1]) {
        const fileId = outputFileIdOf(asked.executionId, index);
        const isGone = async () => (await infra.files.size(fileId)) === undefined;
        await eventually('nothing is left', isGone);
        expect(await storedEvents(asked, index)).to.deep.equal([]);
      }
    });
});
