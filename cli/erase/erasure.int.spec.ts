/** What is erased is in no table any more, and nothing that was recorded suffers from it. */
import { expect } from 'chai';
import { auditDatabase } from '../../audit/run-audit.js';
import { recordErasure, removeContents } from '../../command-handling/erase-organization.js';
import { erasePayloads } from '../../command-handling/erase-payloads.js';
import type { ExecutionEvent } from '../../contracts/events/execution.js';
import type { OrganizationId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { processorWorkers } from '../../processors/app.js';
import {
  ask,
  deliverTo,
  eventOf,
  eventsOf,
  IMAGE,
  newOrganization,
  smallImage,
  whenHoldEnded,
  whenOver,
  type Asked,
} from '../../processors/testing/kit.js';
import { expireOnce } from '../../processors/erase-payloads/expire-payloads.js';
import { projectorWorkers } from '../../projectors/app.js';
import { openSpecInfra, type SpecInfra } from '../../runtime/testing/spec-infra.js';
import { eventually } from '../../testing/eventually.js';

const CANARY = 'a canary that sings of the sea';

describe('erasure', function () {
  this.timeout(60_000);
  let spec: SpecInfra;
  let stop: () => Promise<void>;

  before(async () => {
    spec = await openSpecInfra();
    start();
  });
  after(async () => {
    await stop?.();
    await spec?.close();
  });

  const start = (): void => {
    const { infra } = spec;
    stop = spec.run([...processorWorkers(infra), ...projectorWorkers(infra)]);
  };
  const metadata = { actor: 'operator', correlationId: 'spec', causationId: 'spec' };
  const organization = async (): Promise<OrganizationId> => {
    const organizationId = newOrganization();
    const at = new Date().toISOString();
    const command = { type: 'Create', organizationId, name: 'Acme', at } as const;
    await spec.infra.organizations.transact(organizationId, command, metadata);
    return organizationId;
  };

  async function done(organizationId: OrganizationId, isImage = false): Promise<Asked> {
    const wish = isImage
      ? { model: IMAGE, input: smallImage(CANARY) }
      : { input: { prompt: `${CANARY} ${'o'.repeat(70_000)}`, max_tokens: 16 } };
    const asked = await ask(spec.infra, { organizationId, ...wish });
    await whenHoldEnded(spec.infra, asked);
    return asked;
  }

  /** Of its input and of every output. */
  async function contentsOf(asked: Asked): Promise<readonly (Buffer | undefined)[]> {
    const { store, payloads } = (await spec.another()).infra;
    const events = (await store.readStream(asked.stream)) as readonly ExecutionEvent[];
    const refs = events.flatMap(({ type, data }) =>
      type === 'ExecutionRequested'
        ? [data.input]
        : type === 'ProviderSucceeded' || type === 'ExecutionCompleted'
          ? [data.output]
          : [],
    );
    expect(refs.length).to.be.greaterThan(1);
    return Promise.all(refs.map((ref) => payloads.get(ref)));
  }

  /** Tables in which the words stand, as text or in bytes. */
  async function tablesWith(words: string): Promise<readonly string[]> {
    const { readStore } = spec.infra;
    const { rows } = await readStore.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
       WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    const found: string[] = [];
    const hex = Buffer.from(words).toString('hex');
    for (const { name } of rows) {
      const answer = await readStore.query(
        `SELECT 1 FROM ${name} t WHERE strpos(t::text, $1) > 0 OR strpos(t::text, $2) > 0 LIMIT 1`,
        [words, hex],
      );
      if (answer.rows.length > 0) found.push(name);
    }
    return found;
  }

  async function findings(): Promise<readonly unknown[]> {
    const { store, readStore, progress, log, payloads } = spec.infra;
    const figures = () => ({ queueUnits: 0, events: 0, batches: 0, unknownTypes: new Map() });
    const options = { deep: true, settled: true, skipRebuild: false, receiverRecord: undefined };
    const { findings: found } = await auditDatabase(
      { store, readStore, progress, log, isServed: true, figures },
      (ref) => payloads.get(ref),
      options,
      new AbortController().signal,
    );
    return found.kept;
  }

  it('of one execution removes its contents and its files, and leaves its story', async () => {
    const organizationId = await organization();
    const [text, image, other] = [
      await done(organizationId),
      await done(organizationId, true),
      await done(organizationId),
    ];
    expect(await tablesWith(CANARY)).to.deep.equal([]);
    const before = [await eventsOf(spec.infra, text), await eventsOf(spec.infra, image)];
    const options = { cause: 'asked', metadata } as const;
    for (const { executionId } of [text, image])
      expect(await erasePayloads(spec.infra, executionId, options)).to.deep.equal({
        outcome: 'erased',
      });
    for (const asked of [text, image])
      for (const content of await contentsOf(asked)) expect(content).to.equal(undefined);
    for (const content of await contentsOf(other)) expect(content).to.not.equal(undefined);
    expect([await eventsOf(spec.infra, text), await eventsOf(spec.infra, image)]).to.deep.equal(
      before,
    );
    const { data } = await eventOf(spec.infra, image, 'ExecutionCompleted');
    const { files } = data;
    expect(files).to.have.length(1);
    for (const { fileId } of files)
      await eventually('its file is removed', async () => !(await spec.infra.files.open(fileId)));
    expect(await findings()).to.deep.equal([]);
  });

  it('is finished by others where who recorded it died', async () => {
    const asked = await done(await organization());
    const { executionId, organizationId } = asked;
    const { data: requested } = await eventOf(spec.infra, asked, 'ExecutionRequested');
    const { input } = requested;
    const at = new Date().toISOString();
    const about = { executionId, organizationId, cause: 'asked', files: [], at } as const;
    const data = { ...about, payloads: [input], bytes: input.bytes };
    await spec.infra.erasures.transact(executionId, { type: 'Erase', data }, metadata);
    await eventually('it is removed', async () => !(await spec.infra.payloads.get(input)));
  });

  it('of what ended longer ago than it is kept is done in time, and of nothing else', async () => {
    const [one, other] = [await organization(), await organization()];
    const asked = [await done(one), await done(one, true), await done(one)];
    const others = await done(other);
    const { infra, clock } = spec;
    const { readStore, quotas, organizations } = infra;
    const ways = new Map();
    const expire = () => expireOnce(infra, ways, new AbortController().signal);
    expect(await expire(), 'nothing is set').to.equal(0);
    const at = new Date().toISOString();
    const command = { type: 'SetQuotas', changes: { payloadTtlDays: 2 }, at } as const;
    await organizations.transact(one, command, metadata);
    await eventually('it is known', async () => {
      await quotas.refresh();
      return quotas.payloadTtls().has(one);
    });
    await eventually('they are in the read model', async () => {
      const { rows } = await readStore.query<{ over: bigint }>(
        `SELECT count(*) AS over FROM readmodel.executions
         WHERE organization_id = $1 AND status = 'COMPLETED'`,
        [one],
      );
      return rows[0]?.over === 3n;
    });
    expect(await expire(), 'nothing is due').to.equal(0);
    try {
      clock.aheadMs = 2 * 86_400_000 + 60_000;
      expect(await expire()).to.equal(3);
      expect(await expire()).to.equal(0);
    } finally {
      clock.aheadMs = 0;
    }
    for (const one of asked)
      for (const content of await contentsOf(one)) expect(content).to.equal(undefined);
    for (const content of await contentsOf(others)) expect(content).to.not.equal(undefined);
    const [erasure] = await infra.store.readStream(
      streamOf('erasure', asked[0]?.executionId ?? ''),
    );
    expect(erasure?.data).to.include({ cause: 'retention' });
  });

  it('of an organization makes all of it unreadable, and no other', async () => {
    const [one, other] = [await organization(), await organization()];
    const [theirs, others] = [await done(one), await done(other)];
    const { infra } = spec;
    // Stored by an earlier release, in plain.
    await infra.readStore.query(
      `INSERT INTO eventstore.payloads (ref, organization_id, bytes) VALUES ('plain', $1, $2)`,
      [one, Buffer.from(CANARY)],
    );
    const why = { ...metadata, reason: 'the contract ended' };
    // Whoever records it may die then: the rest is done by the processor.
    await recordErasure(infra, { organizationId: one, metadata: why });
    await eventually('nothing of it is stored', async () => {
      const left = await infra.readStore.query(
        'SELECT 1 FROM eventstore.payloads WHERE organization_id = $1 LIMIT 1',
        [one],
      );
      return left.rows.length === 0 && (await infra.dataKeys.keyFor(one)) === 'erased';
    });
    const removing = { signal: new AbortController().signal, say: () => undefined };
    // Names of large ones stay in the read model, and are gone through again.
    expect(
      await removeContents(infra, { organizationId: one, metadata: why, ...removing }),
    ).to.deep.equal({ payloads: 1, files: 0 });
    for (const content of await contentsOf(theirs)) expect(content).to.equal(undefined);
    for (const content of await contentsOf(others)) expect(content).to.not.equal(undefined);
    expect(await tablesWith(CANARY)).to.deep.equal([]);
    const facts = await infra.store.readStream(streamOf('organization', one));
    const erased = facts.filter(({ type }) => type === 'OrganizationErased');
    expect(erased.map(({ metadata: { actor, reason } }) => ({ actor, reason }))).to.deep.equal([
      { actor: 'operator', reason: 'the contract ended' },
    ]);
    const grant = { type: 'GrantKey', keyId: 'key_1', at: new Date().toISOString() } as const;
    const granted = await infra.organizations.transact(one, grant, metadata);
    expect(granted).to.deep.include({ outcome: 'rejected', reason: 'OrganizationIsErased' });
    expect(await findings()).to.deep.equal([]);
  });

  it('ends an execution whose output came before its organization was erased', async () => {
    const { infra } = spec;
    const organizationId = await organization();
    await stop();
    const images = [{ url: `data:image/png;base64,${'A'.repeat(100_000)}` }];
    const asked = await deliverTo(infra, organizationId, { modality: 'image', images });
    await infra.dataKeys.destroy(organizationId);
    start();
    expect(await whenOver(infra, asked)).to.equal('failed');
    const { data } = await eventOf(infra, asked, 'ExecutionFailed');
    expect(data).to.include({ code: 'GENERATION_FAILED', detail: 'its organization was erased' });
    expect((await whenHoldEnded(infra, asked)).type).to.equal('HoldReleased');
  });
});
