import { expect } from 'chai';
import { pino } from 'pino';
import type { ExecutionEvent } from '../../contracts/events/execution.js';
import { executionIdOf, type ExecutionId, type HoldId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { appendOf } from '../../command-handling/streams.js';
import { createMemoryLog, openMemoryEventStore } from '../../infra/event-store/testing/memory.js';
import type { EventStore } from '../../infra/event-store/port.js';
import { openPostgresHarness } from '../../infra/event-store/postgres/testing/harness.js';
import {
  accountEvents,
  executionEvents,
  openCommandApi,
  openTenant,
  type Answer,
  type CommandApi,
  type Tenant,
} from '../testing/kit.js';
import { findSeen, submit, type Requested, type Submission } from './submit.js';

/** Two stores over one log, as two processes have them. */
interface Log {
  readonly stores: readonly [EventStore, EventStore];
  payload(ref: string): Promise<Buffer | undefined>;
  close(): Promise<void>;
}

async function memoryLog(): Promise<Log> {
  const memory = createMemoryLog();
  const stores = [openMemoryEventStore({ memory }), openMemoryEventStore({ memory })] as const;
  return {
    stores,
    payload: async (ref) => memory.payloads.get(ref),
    close: async () => void (await Promise.all(stores.map((store) => store.close()))),
  };
}

async function postgresLog(): Promise<Log> {
  const harness = await openPostgresHarness(pino({ level: 'silent' }));
  const other = await harness.openAnother({ queueUnitsMax: 10_000 });
  return {
    stores: [harness.store, other],
    payload: async (ref) => harness.payload(ref),
    async close() {
      await other.close();
      await harness.close();
    },
  };
}

const body = { model: 'text-generation-standard', input: { prompt: 'Rivers', max_tokens: 16 } };
const CENT = 10_000n;

for (const [name, openLog] of [
  ['memory', memoryLog],
  ['PostgreSQL', postgresLog],
] as const)
  describe(`submitting on the ${name} store`, () => {
    let log: Log;
    let api: CommandApi;
    let other: CommandApi;
    let store: EventStore;

    before(async () => {
      log = await openLog();
      store = log.stores[0];
      [api, other] = [await openCommandApi(log.stores[0]), await openCommandApi(log.stores[1])];
    });
    after(async () => {
      await Promise.all([api.close(), other.close()]);
      await log.close();
    });

    const post = ({ as }: Tenant, key: string, asked: object = body, via = api) =>
      via.ask('POST', '/v1/executions', {
        headers: { ...as, 'idempotency-key': key },
        body: asked,
      });
    const idOf = ({ json }: Answer) => json['id'] as ExecutionId;
    const typesOf = (events: readonly { type: string }[]) => events.map(({ type }) => type);
    const holdsOf = async ({ organizationId }: Tenant) =>
      typesOf(await accountEvents(store, organizationId)).filter((type) => /^Hold/.test(type));

    /** A hold as a crash leaves it: placed, and its request never written. */
    async function holdAlone(tenant: Tenant, key: string, amount = CENT): Promise<HoldId> {
      const { organizationId } = tenant;
      const executionId = executionIdOf(organizationId, key);
      const holdId: HoldId = `hold_${crypto.randomUUID()}`;
      const at = new Date().toISOString();
      const hold = { organizationId, executionId, generation: 0, holdId, amount, at };
      const placed = await api.commands.accounts.submit(organizationId, {
        command: { type: 'PlaceHold', ...hold },
        metadata: { actor: 'operator', correlationId: executionId, causationId: 'spec' },
      });
      expect(placed.outcome).to.equal('accepted');
      return holdId;
    }

    async function write(executionId: ExecutionId, revision: number, event: ExecutionEvent) {
      const stream = streamOf('execution', executionId);
      const metadata = { actor: 'operator', correlationId: executionId, causationId: 'spec' };
      const append = appendOf(stream, revision - 1, [event], metadata);
      const [outcome] = await store.append({ appends: [append] });
      expect(outcome?.status).to.equal('appended');
    }

    const abandonment = ({ organizationId }: Tenant, executionId: ExecutionId, holdId: HoldId) => {
      const at = new Date().toISOString();
      const data = { executionId, organizationId, holdId, at };
      return { type: 'ExecutionAbandoned', data } as const;
    };

    it('answers 202 with the money that is held; records hold, request and payload', async () => {
      const tenant = await openTenant(api, '1.00');
      const asked = { ...body, metadata: { order: '7' }, expires_in: 60 };
      const { status, headers, json } = await post(tenant, 'order-7', asked);
      const executionId = executionIdOf(tenant.organizationId, 'order-7');
      const [requested, ...more] = await executionEvents(store, executionId);
      expect(more).to.deep.equal([]);
      const data = requested?.data as Requested;
      expect(status).to.equal(202);
      expect(headers['location']).to.equal(`/v1/executions/${executionId}`);
      expect(headers).not.to.have.property('idempotency-replayed');
      expect(json).to.deep.equal({
        id: executionId,
        status: 'PENDING',
        model: 'text-generation-standard',
        estimated_cost: json['estimated_cost'],
        hold_amount: '0.010',
        created_at: data.at,
        expires_at: new Date(Date.parse(data.at) + 60_000).toISOString(),
        metadata: { order: '7' },
      });
      expect(json['estimated_cost']).to.match(/^0\.000\d+$/);
      const payload = await log.payload(data.input.ref);
      expect(payload?.toString()).to.equal('{"max_tokens":16,"prompt":"Rivers"}');
      const { ref, sha256 } = data.input;
      expect(ref).to.match(/^[0-9a-z]{8}\//);
      expect(ref.endsWith(`/${executionId}/input/${sha256.slice(0, 16)}`)).to.equal(true);
      const held = (await accountEvents(store, tenant.organizationId)).at(-1);
      expect(held?.type).to.equal('HoldPlaced');
      expect(held?.data).to.deep.include({ executionId, holdId: data.holdId, amount: CENT });
      expect(requested?.metadata).to.deep.include({
        $causationId: headers['x-request-id'],
        actor: data.apiKeyId,
      });
    });

    it('answers a repeat with the same words, however the body is spelt', async () => {
      const tenant = await openTenant(api, '1.00');
      const first = await post(tenant, 'k');
      const spelt = '{ "input": {"max_tokens": 1.6e1, "prompt": "R\\u0069vers"},\n "model":';
      const again = await api.ask('POST', '/v1/executions', {
        headers: tenant.as,
        body: `${spelt} "text-generation-standard", "idempotency_key": "k"}`,
      });
      expect(again.status).to.equal(202);
      expect(again.text).to.equal(first.text);
      expect(again.headers['idempotency-replayed']).to.equal('true');
      expect(again.headers['location']).to.equal(first.headers['location']);
      expect(await holdsOf(tenant)).to.deep.equal(['HoldPlaced']);
    });

    it('refuses another body under the same key', async () => {
      const tenant = await openTenant(api, '1.00');
      const first = await post(tenant, 'k');
      for (const asked of [
        { ...body, expires_in: 300 },
        { ...body, metadata: {} },
        { ...body, model: 'no-such-model' },
      ]) {
        const { status, json } = await post(tenant, 'k', asked);
        expect(status).to.equal(422);
        expect(json).to.have.nested.property('error.code', 'IDEMPOTENCY_MISMATCH');
      }
      expect(await executionEvents(store, idOf(first))).to.have.length(1);
      expect(await holdsOf(tenant)).to.deep.equal(['HoldPlaced']);
    });

    it('lets two organizations use the same key', async () => {
      const [one, two] = [await openTenant(api, '1.00'), await openTenant(api, '1.00')];
      const answers = [await post(one, 'k'), await post(two, 'k')];
      expect(answers.map(({ status }) => status)).to.deep.equal([202, 202]);
      expect(new Set(answers.map(idOf)).size).to.equal(2);
    });

    it('makes one execution and one hold of 100 racing with one key in two processes', async () => {
      const tenant = await openTenant(api, '1.00');
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, n) => post(tenant, 'k', body, n % 2 ? api : other)),
      );
      expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([202]));
      expect(new Set(answers.map(({ text }) => text)).size).to.equal(1);
      const fresh = answers.filter(({ headers }) => !headers['idempotency-replayed']);
      expect(fresh).to.have.length(1);
      const id = idOf(fresh[0]!);
      const [requested, ...more] = await executionEvents(store, id);
      expect(more).to.deep.equal([]);
      const { holdId } = requested?.data as Requested;
      // A loser's hold, if one was ever placed, is given back; the winner's stands.
      const open = new Set<string>();
      for (const { type, data } of await accountEvents(store, tenant.organizationId)) {
        if (type === 'HoldPlaced') open.add(data.holdId);
        if (type === 'HoldReleased') open.delete(data.holdId);
      }
      expect([...open]).to.deep.equal([holdId]);
    });

    it('tells one body from another when both race with one key', async () => {
      const tenant = await openTenant(api, '1.00');
      const bodies = [body, { ...body, metadata: { a: 'b' } }] as const;
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, n) =>
          post(tenant, 'k', bodies[n % 2], n % 4 < 2 ? api : other),
        ),
      );
      const won = answers.filter(({ status }) => status === 202).map(({ text }) => text);
      expect(won).to.have.length(20);
      expect(new Set(won).size).to.equal(1);
      expect(answers.filter(({ status }) => status === 422)).to.have.length(20);
    });

    it('accepts exactly 37 of 200 racing for money for 37, with no trace of others', async () => {
      const tenant = await openTenant(api, '0.37');
      const answers = await Promise.all(
        Array.from({ length: 200 }, (_, n) => post(tenant, `k${n}`, body, n % 2 ? api : other)),
      );
      const accepted = answers.filter(({ status }) => status === 202);
      const refused = answers.filter(({ status }) => status === 402);
      expect([accepted.length, refused.length]).to.deep.equal([37, 163]);
      expect(refused[0]?.json).to.have.nested.property('error.code', 'INSUFFICIENT_BALANCE');
      const last = (await accountEvents(store, tenant.organizationId)).at(-1);
      expect(last?.data).to.include({ availableAfter: 0n, heldAfter: 37n * CENT });
      const left = answers.map(async ({ status }, n) => {
        const id = executionIdOf(tenant.organizationId, `k${n}`);
        return (await executionEvents(store, id)).length === (status === 202 ? 1 : 0);
      });
      expect(await Promise.all(left)).not.to.include(false);
    }).timeout(60_000);

    it('accepts a refused key once there is money', async () => {
      const tenant = await openTenant(api);
      expect((await post(tenant, 'k')).status).to.equal(402);
      const topUps = `/admin/v1/organizations/${tenant.organizationId}/top-ups`;
      await api.asOperator('POST', topUps, { amount: '1', idempotency_key: 't' });
      expect((await post(tenant, 'k')).status).to.equal(202);
    });

    it('adopts the hold that a crash left, instead of placing another', async () => {
      const tenant = await openTenant(api, '0.01');
      const holdId = await holdAlone(tenant, 'k');
      const answer = await post(tenant, 'k', body, other);
      expect(answer.status).to.equal(202);
      expect(answer.headers).not.to.have.property('idempotency-replayed');
      const [requested, ...more] = await executionEvents(store, idOf(answer));
      expect(more).to.deep.equal([]);
      const { input, holdId: taken } = requested?.data as Requested;
      expect(taken).to.equal(holdId);
      expect(await log.payload(input.ref)).not.to.equal(undefined);
      expect(await holdsOf(tenant)).to.deep.equal(['HoldPlaced']);
    });

    it('fences and releases a left hold of another amount, and goes on with its own', async () => {
      const tenant = await openTenant(api, '1.00');
      const holdId = await holdAlone(tenant, 'k', 5n * CENT);
      const answer = await post(tenant, 'k');
      expect(answer.status).to.equal(202);
      const events = await executionEvents(store, idOf(answer));
      expect(typesOf(events)).to.deep.equal(['ExecutionAbandoned', 'ExecutionRequested']);
      expect(events[0]?.data).to.include({ holdId });
      expect(await holdsOf(tenant)).to.deep.equal(['HoldPlaced', 'HoldReleased', 'HoldPlaced']);
      const last = (await accountEvents(store, tenant.organizationId)).at(-1);
      expect(last?.data).to.include({ generation: 1, amount: CENT, heldAfter: CENT });
      expect((await post(tenant, 'k')).text).to.equal(answer.text);
    });

    it('asks anew under a key that was abandoned, as often as it was', async () => {
      const tenant = await openTenant(api, '1.00');
      const executionId = executionIdOf(tenant.organizationId, 'k');
      const gone: HoldId[] = [`hold_${crypto.randomUUID()}`, `hold_${crypto.randomUUID()}`];
      for (const [revision, holdId] of gone.entries())
        await write(executionId, revision, abandonment(tenant, executionId, holdId));
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, n) => post(tenant, 'k', body, n % 2 ? api : other)),
      );
      expect(new Set(answers.map(({ text }) => text)).size).to.equal(1);
      const events = await executionEvents(store, executionId);
      expect(typesOf(events)).to.deep.equal([
        'ExecutionAbandoned',
        'ExecutionAbandoned',
        'ExecutionRequested',
      ]);
      const placed = (await accountEvents(store, tenant.organizationId)).at(1);
      expect(placed?.data).to.include({ generation: 2 });
    });

    /** What a writer had decided before it was slow: to request `key` at generation 0. */
    async function decided(tenant: Tenant, key: string): Promise<Submission> {
      const example = await post(tenant, `${key}-example`);
      const [requested] = await executionEvents(store, idOf(example));
      const { holdId: _, ...request } = requested?.data as Requested;
      const executionId = executionIdOf(tenant.organizationId, key);
      return {
        request: { ...request, executionId, idempotencyKey: key },
        inputBytes: Buffer.from('{}'),
        metadata: { actor: 'operator', correlationId: executionId, causationId: 'spec' },
      };
    }

    it('lets no slow writer request on an abandoned hold; it starts over', async () => {
      const tenant = await openTenant(api, '1.00');
      const submission = await decided(tenant, 'k');
      const { executionId } = submission.request;
      const lost = abandonment(tenant, executionId, `hold_${crypto.randomUUID()}`);
      await write(executionId, 0, lost);
      const submitted = await submit(api.commands, submission, 0);
      expect(submitted.outcome).to.equal('accepted');
      const events = await executionEvents(store, executionId);
      expect(typesOf(events)).to.deep.equal(['ExecutionAbandoned', 'ExecutionRequested']);
      const money = (await accountEvents(store, tenant.organizationId)).slice(2);
      expect(typesOf(money)).to.deep.equal(['HoldPlaced', 'HoldReleased', 'HoldPlaced']);
      expect(money[1]?.data).to.include({ reason: 'abandoned' });
      expect(money[2]?.data).to.include({ generation: 1 });
    });

    it('compensates the hold of a writer so slow that all was over', async () => {
      const tenant = await openTenant(api, '1.00');
      const submission = await decided(tenant, 'k');
      const { executionId, organizationId, at } = submission.request;
      const first = await submit(api.commands, submission, 0);
      if (first.outcome === 'rejected') throw new Error(first.reason);
      const { holdId } = first.requested;
      const ending = { organizationId, executionId, holdId, at, reason: 'cancelled' } as const;
      const { metadata } = submission;
      await api.commands.accounts.submit(organizationId, {
        command: { type: 'ReleaseHold', ...ending },
        metadata,
      });
      const late = await submit(api.commands, submission, 0);
      expect(late).to.deep.equal({ outcome: 'existing', requested: first.requested });
      const money = (await accountEvents(store, organizationId)).slice(-2);
      expect(typesOf(money)).to.deep.equal(['HoldPlaced', 'HoldReleased']);
      expect(money[1]?.data).to.include({ reason: 'orphaned', heldAfter: CENT });
      expect(await findSeen(other.commands, executionId)).to.deep.equal({
        requested: first.requested,
      });
    });
  });
