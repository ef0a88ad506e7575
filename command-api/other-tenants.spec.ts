/**
 * Another organization's id costs what a made-up one does: the same reads of the log and no append,
 * on every command that takes one, so that the time of an answer does not tell them apart.
 */
import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import type { ExecutionId } from '../contracts/ids.js';
import { categoryOf, streamOf } from '../contracts/streams.js';
import { appendOf } from '../command-handling/streams.js';
import { NO_STREAM, type EventStore } from '../infra/event-store/port.js';
import { openMemoryEventStore } from '../infra/event-store/testing/memory.js';
import { idKindOf } from '../testing/id-kinds.js';
import { commandRoutes } from './app.js';
import { openCommandApi, openTenant, type CommandApi, type Tenant } from './testing/kit.js';

/** The directory is looked at again when the last look is old, whatever is asked. */
const BY_THE_CLOCK = 'stream of webhookDirectory';
const METADATA = { actor: 'spec', correlationId: 'spec', causationId: 'spec' };

describe("command API: another organization's id", () => {
  const work: string[] = [];
  let memory: EventStore;
  let api: CommandApi;
  let owner: Tenant;
  let stranger: Tenant;
  before(async () => {
    memory = openMemoryEventStore();
    const noted = workNoted(memory, work);
    api = await openCommandApi(noted, undefined, undefined, undefined, undefined, memory);
    owner = await openTenant(api, '10.00');
    stranger = await openTenant(api, '10.00');
  });
  after(async () => {
    await api.close();
    await memory.close();
  });

  const workFor = async ([method, path]: Taker, id: string): Promise<readonly string[]> => {
    const before = work.length;
    const body = bodyFor(path, id);
    const headers = { ...stranger.as, 'idempotency-key': randomUUID() };
    const asking = { headers, ...(body && { body }) };
    const { status } = await api.ask(method, `/v1${path.replace('{id}', id)}`, asking);
    expect(status, `${method} ${path} with ${id}`).to.equal(404);
    return work.slice(before).filter((one) => one !== BY_THE_CLOCK);
  };
  const expectAlike = async (kind: string, ids: readonly string[]) => {
    for (const taker of takers(api).filter(([, path]) => idKindOf(path) === kind)) {
      // What is read of the asking organization itself is read once.
      await workFor(taker, `${kind}_${randomUUID()}`);
      const madeUp = await workFor(taker, `${kind}_${randomUUID()}`);
      expect(madeUp, taker.join(' ')).not.to.include('append');
      for (const id of [...ids, ...ids])
        expect(await workFor(taker, id), taker.join(' ')).to.deep.equal(madeUp);
    }
  };
  const make = async (path: string, body: object) => {
    const { status, json, text } = await api.ask('POST', `/v1${path}`, { headers: owner.as, body });
    expect(status, text).to.be.below(300);
    return json;
  };
  const textOf = (key: string) => {
    const model = 'text-generation-standard';
    return { model, input: { prompt: 'Rivers' }, idempotency_key: key };
  };
  const transact = async (id: ExecutionId, type: 'Cancel') => {
    const command = { type, at: new Date().toISOString() } as const;
    await api.commands.executions.transact(id, command, METADATA);
  };

  it('is taken by commands of which each is tried', () => {
    const kinds = new Set(takers(api).map(([, path]) => idKindOf(path)));
    expect([...kinds].sort()).to.deep.equal(['batch', 'dlv', 'exec', 'file', 'key', 'we']);
  });

  it('costs the same for an execution or a batch, whatever became of it', async () => {
    const { id: pending } = await make('/executions', textOf('pending'));
    const { id: over } = await make('/executions', textOf('over'));
    await transact(over as ExecutionId, 'Cancel');
    await expectAlike('exec', [String(pending), String(over)]);
    const executions = Array.from({ length: 50 }, (_, n) => textOf(`item ${n}`));
    const { batch_id: batch } = await make('/executions/batch', { executions });
    await expectAlike('batch', [String(batch)]);
  });

  it('costs the same for a file, awaited or deleted', async () => {
    const [awaited, deleted] = [
      await make('/files/upload', { purpose: 'INPUT' }),
      await make('/files/upload', { purpose: 'INPUT' }),
    ].map(({ file_id: id }) => String(id));
    await api.ask('DELETE', `/v1/files/${deleted}`, { headers: owner.as });
    await expectAlike('file', [String(awaited), String(deleted)]);
  });

  it('costs the same for an API key, active or revoked', async () => {
    const [active, revoked] = [
      await make('/api-keys', { name: 'active' }),
      await make('/api-keys', { name: 'revoked' }),
    ].map(({ id }) => String(id));
    await api.ask('DELETE', `/v1/api-keys/${revoked}`, { headers: owner.as });
    await expectAlike('key', [String(active), String(revoked)]);
  });

  it('costs the same for an endpoint and for a delivery', async () => {
    const url = 'https://receiver.invalid/hook';
    const { id: endpoint } = await make('/webhooks/endpoints', { url });
    await expectAlike('we', [String(endpoint)]);
    const deliveryId = `dlv_${randomUUID()}` as const;
    const data = {
      deliveryId,
      organizationId: owner.organizationId,
      eventId: `evt_${randomUUID()}`,
      eventType: 'execution.completed',
      executionId: `exec_${randomUUID()}`,
      sequence: 1,
      revision: 0,
      url,
      at: new Date().toISOString(),
    } as const;
    const scheduled = { type: 'DeliveryScheduled', data } as const;
    const append = appendOf(streamOf('delivery', deliveryId), NO_STREAM, [scheduled], METADATA);
    await memory.append({ appends: [append] });
    await expectAlike('dlv', [deliveryId]);
  });
});

type Taker = readonly [method: string, path: string];

/** Commands that name what they change by its id, in the path or in the body. */
const takers = ({ commands }: CommandApi): Taker[] =>
  commandRoutes({ ...commands })
    .filter(({ audience, path }) => audience === 'tenant' && isTaker(path))
    .map(({ method, path }): Taker => [method, path]);

const isTaker = (path: string): boolean => path.includes('{id}') || path === '/files/confirm';

function bodyFor(path: string, id: string): object | undefined {
  if (path === '/files/confirm') return { file_id: id };
  if (path.endsWith('/recover')) return { since: new Date().toISOString() };
  if (path.endsWith('/spending-guards')) return { max_in_flight: 3 };
  if (path === '/api-keys/{id}') return { name: 'another' };
  return path === '/webhooks/endpoints/{id}' ? { description: 'another' } : undefined;
}

const workNoted = (store: EventStore, work: string[]): EventStore => ({
  ...store,
  readStream(stream, options) {
    work.push(`stream of ${categoryOf(stream)}`);
    return store.readStream(stream, options);
  },
  readSnapshot(stream) {
    work.push(`snapshot of ${categoryOf(stream)}`);
    return store.readSnapshot(stream);
  },
  append(unit) {
    work.push('append');
    return store.append(unit);
  },
});
