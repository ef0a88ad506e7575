import { expect } from 'chai';
import type { BatchEvent } from '../../contracts/events/batch.js';
import type { ExecutionRequested } from '../../contracts/events/execution.js';
import {
  batchIdOf,
  executionIdOf,
  type ExecutionId,
  type OrganizationId,
} from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { openRepositories } from '../../command-handling/repositories.js';
import { readEvents } from '../../command-handling/streams.js';
import { createMemoryLog, openMemoryEventStore } from '../../infra/event-store/testing/memory.js';
import { openCompleteBatches } from './complete-batches.js';

const organizationId: OrganizationId = 'org_22222222-2222-4222-8222-222222222222';
const at = '2026-01-31T12:00:00.000Z';
const metadata = { actor: 'spec', correlationId: 'spec', causationId: 'spec' };
const uuid = '11111111-1111-4111-8111-111111111111';

type Memory = ReturnType<typeof createMemoryLog>;
type Process = ReturnType<typeof openProcess>;

function openProcess(memory: Memory) {
  const store = openMemoryEventStore({ memory });
  const infra = { store, ...openRepositories(store), now: () => Date.parse(at) };
  return { ...infra, batchesOf: openCompleteBatches(infra) };
}

describe('complete-batches', () => {
  let one: Process;
  let other: Process;
  let serial = 0;
  beforeEach(() => {
    const memory = createMemoryLog();
    [one, other] = [openProcess(memory), openProcess(memory)];
  });

  async function requested(): Promise<ExecutionId> {
    const key = `key ${++serial}`;
    const executionId = executionIdOf(organizationId, key);
    const data: ExecutionRequested['data'] = {
      executionId,
      organizationId,
      at,
      apiKeyId: `key_${uuid}`,
      idempotencyKey: key,
      bodyHash: 'x',
      model: 'm',
      modality: 'text',
      input: { ref: 'r', sha256: '0'.repeat(64), bytes: 1 },
      metadata: {},
      estimatedCost: 1n,
      holdAmount: 10_000n,
      holdId: `hold_${uuid}`,
      expiresAt: at,
      catalogueVersion: '1',
    };
    await one.executions.transact(executionId, { type: 'Request', data }, metadata);
    return executionId;
  }

  const batchId = () => batchIdOf(organizationId, 'key', `batch ${serial}`);
  const cancel = (process: Process, id: ExecutionId) =>
    process.executions.transact(id, { type: 'Cancel', at }, metadata);
  const fail = (process: Process, id: ExecutionId) =>
    process.executions.transact(id, { type: 'Fail', code: 'GENERATION_FAILED', at }, metadata);

  async function submitted(executionIds: readonly ExecutionId[], rejected = 0) {
    const id = batchId();
    const command = {
      type: 'Submit',
      batchId: id,
      organizationId,
      apiKeyId: `key_${uuid}`,
      itemsHash: 'ab'.repeat(32),
      executionIds,
      rejected,
      others: [],
      at,
    } as const;
    await one.batches.transact(id, command, metadata);
    return id;
  }

  const eventsOf = (id: ReturnType<typeof batchId>) =>
    readEvents<BatchEvent>(one.store, streamOf('batch', id));
  const notify = async (process: Process, id: ReturnType<typeof batchId>, revision: number) => {
    const event = (await eventsOf(id))[revision]!;
    const { type } = event;
    const notification = {
      stream: streamOf('batch', id),
      type,
      revision,
      position: 0n,
      attempt: 1,
    };
    return process.batchesOf.group.handle(notification, new AbortController().signal);
  };

  it('completes once all are over, wherever each ended, and once only', async () => {
    const ids = await Promise.all(Array.from({ length: 100 }, requested));
    const id = await submitted(ids, 2);
    expect(await notify(one, id, 0)).to.equal('not_over');
    for (const [n, execution] of ids.entries()) {
      const process = n % 2 ? one : other;
      await (n % 4 ? cancel : fail)(process, execution);
      if (n < 99) expect(await process.batchesOf.check(id, metadata)).to.equal('not_over');
    }
    const last = [one, other, one, other].map(({ batchesOf }) => batchesOf.check(id, metadata));
    expect((await Promise.all(last)).filter((word) => word === 'completed')).to.have.length(1);
    const [, completed, ...more] = await eventsOf(id);
    expect(more).to.deep.equal([]);
    expect(completed?.data).to.deep.include({
      failed: 25,
      cancelled: 75,
      completed: 0,
      rejected: 2,
    });
    expect(await one.batchesOf.check(id, metadata)).to.equal('completed_before');
  });

  it('completes what was over before the batch was written, and one of nothing', async () => {
    const execution = await requested();
    await cancel(other, execution);
    expect(await one.batchesOf.check(batchId(), metadata)).to.equal('not_submitted');
    const id = await submitted([execution]);
    expect(await notify(other, id, 0)).to.equal('completed');
    serial += 1;
    const nothing = await submitted([], 3);
    expect(await notify(one, nothing, 0)).to.equal('completed');
  });

  it('waits for what joined meanwhile', async () => {
    const [first, second] = [await requested(), await requested()];
    const id = await submitted([first]);
    expect(await notify(one, id, 0)).to.equal('not_over');
    await submitted([first, second]);
    await cancel(one, first);
    // Its memory has the batch as it was.
    expect(await other.batchesOf.check(id, metadata)).to.equal('not_over');
    expect(await one.batchesOf.check(id, metadata)).to.equal('not_over');
    await cancel(other, second);
    expect(await notify(one, id, 1)).to.equal('completed');
    const types = (await eventsOf(id)).map(({ type }) => type);
    expect(types).to.deep.equal(['BatchSubmitted', 'BatchExtended', 'BatchCompleted']);
  });

  it('cancels what is not over, again and again', async () => {
    const ids = await Promise.all(Array.from({ length: 40 }, requested));
    const id = await submitted(ids);
    await fail(one, ids[0]!);
    const command = { type: 'RequestCancel', apiKeyId: `key_${uuid}`, at } as const;
    await other.batches.transact(id, command, metadata);
    const words = await Promise.all([notify(one, id, 1), notify(other, id, 1)]);
    expect(words).to.include('completed');
    const completed = (await eventsOf(id)).at(-1);
    expect(completed?.data).to.deep.include({ failed: 1, cancelled: 39 });
  });
});
