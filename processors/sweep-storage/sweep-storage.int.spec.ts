import { expect } from 'chai';
import { randomBytes, randomUUID } from 'node:crypto';
import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { FileStored } from '../../contracts/events/file.js';
import type { FileId, OrganizationId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { appendOf } from '../../command-handling/streams.js';
import { NO_STREAM } from '../../infra/event-store/port.js';
import { fileKey } from '../../infra/files/key.js';
import { payloadKey } from '../../infra/payloads/key.js';
import { projectorWorkers } from '../../projectors/app.js';
import { openSpecInfra, type SpecInfra } from '../../runtime/testing/spec-infra.js';
import { payloadOf, refOf } from '../../infra/payloads/testing/contract.js';
import { ask, requestFor } from '../testing/kit.js';
import { AGE_MIN_MS, pass, type Suspects } from './sweep-storage.js';

const MINUTE = 60_000;
const organizationId: OrganizationId = 'org_11111111-1111-4111-8111-111111111111';

describe('sweep-storage', function () {
  this.timeout(60_000);
  let spec: SpecInfra;
  let stop: () => Promise<void>;
  let suspects: Suspects;
  const { signal } = new AbortController();

  before(async () => {
    spec = await openSpecInfra();
    stop = spec.run(projectorWorkers(spec.infra));
    await ask(spec.infra); // the log has a first event
  });
  beforeEach(() => {
    suspects = new Map();
  });
  after(async () => {
    await stop();
    await spec.close();
  });

  const folder = () => spec.infra.config.dataDir;
  const age = async (path: string, ms = AGE_MIN_MS + MINUTE) => {
    const moment = new Date(Date.now() - ms);
    await utimes(join(folder(), path), moment, moment);
  };

  /** A large payload that no event names. */
  async function payload(ageMs?: number) {
    const stored = payloadOf(randomBytes(70_000), `exec_${randomUUID()}/input/${randomUUID()}`);
    await spec.infra.payloads.put(stored);
    await age(join('payloads', payloadKey(stored.ref)), ageMs);
    return refOf(stored);
  }

  async function file(isNamed: boolean): Promise<FileId> {
    const { infra } = spec;
    const fileId: FileId = `file_${randomUUID()}`;
    const source = Readable.from([randomBytes(100)]);
    const stored = await infra.files.put(fileId, organizationId, source, 100);
    await age(join('files', fileKey({ id: fileId, form: 'encrypted' })));
    if (!isNamed) return fileId;
    const { request } = requestFor(infra, {});
    const event: FileStored = {
      type: 'FileStored',
      data: {
        fileId,
        organizationId,
        executionId: request.executionId,
        purpose: 'OUTPUT',
        contentType: 'image/png',
        format: 'png',
        ...stored,
        at: new Date().toISOString(),
      },
    };
    const metadata = { actor: 'spec', correlationId: fileId, causationId: 'spec' };
    const append = appendOf(streamOf('file', fileId), NO_STREAM, [event], metadata);
    await infra.store.append({ appends: [append] });
    return fileId;
  }

  /** Passes at those minutes of a clock. */
  async function passes(...minutes: number[]): Promise<void> {
    for (const minute of minutes) await pass(spec.infra, suspects, signal, minute * MINUTE);
  }

  const isThere = async (ref: ReturnType<typeof refOf>) =>
    (await spec.infra.largePayloads.get(ref)) !== undefined;

  it('removes what no event names, when it was suspected for long enough', async () => {
    const [orphan, lost] = [await payload(), await file(false)];
    await passes(0, 5);
    expect([await isThere(orphan), await spec.infra.files.size(lost)]).to.deep.equal([true, 100]);
    await passes(12);
    expect([await isThere(orphan), await spec.infra.files.size(lost)]).to.deep.equal([
      false,
      undefined,
    ]);
    expect(suspects.size).to.be.at.most(2);
    await passes(24);
    expect(suspects.size).to.equal(0);
  });

  it('leaves alone what an event names, and what may be named yet', async () => {
    const { infra } = spec;
    const asked = await ask(infra, { input: { prompt: 'x'.repeat(70_000) } });
    const { state } = await infra.executions.load(asked.executionId);
    if (!('request' in state)) throw new Error('it was not requested');
    const { input } = state.request;
    await age(join('payloads', payloadKey(input.ref)));
    const [young, named] = [await payload(AGE_MIN_MS - MINUTE), await file(true)];
    await passes(0, 12, 24);
    expect(await isThere(input)).to.equal(true);
    expect(await isThere(young)).to.equal(true);
    expect(await infra.files.size(named)).to.equal(100);
  });

  it('leaves alone what was named after it was suspected', async () => {
    const { infra } = spec;
    const late = await payload();
    await passes(0);
    const { request } = requestFor(infra, {});
    const { executionId } = request;
    const metadata = { actor: 'spec', correlationId: executionId, causationId: 'spec' };
    const holdId = `hold_${randomUUID()}` as const;
    const data = { ...request, holdId, input: late };
    const event = { type: 'ExecutionRequested', data } as const;
    const append = appendOf(streamOf('execution', executionId), NO_STREAM, [event], metadata);
    await infra.store.append({ appends: [append] });
    await passes(12, 24);
    expect(await isThere(late)).to.equal(true);
  });

  it('removes nothing while the projection is behind', async () => {
    const orphan = await payload();
    const progress = { ...spec.infra.progress, passed: async () => false };
    const behind = { ...spec.infra, progress };
    await pass(behind, suspects, signal, 0);
    await pass(behind, suspects, signal, 12 * MINUTE);
    expect(await isThere(orphan)).to.equal(true);
  });

  it('removes nothing from the store of another log, and says so', async () => {
    await passes(0);
    const orphan = await payload();
    const { store } = spec.infra;
    const [first] = (await store.readAll(-1n, 1)).events;
    const readAll = async () => ({
      events: [{ ...first, id: randomUUID() }],
      position: 0n,
      caughtUp: true,
    });
    const other = { ...spec.infra, store: { ...store, head: () => store.head(), readAll } };
    for (const minute of [0, 12, 24])
      await pass(other as unknown as SpecInfra['infra'], suspects, signal, minute * MINUTE);
    expect(await isThere(orphan)).to.equal(true);
    expect(spec.logged.map(({ msg }) => msg)).to.include(
      'not swept: the file store belongs to another log',
    );
  });
});
