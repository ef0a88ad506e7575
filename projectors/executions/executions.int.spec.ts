import { expect } from 'chai';
import { streamOf } from '../../contracts/streams.js';
import {
  executionLabels,
  executions as table,
  labelOf,
} from '../../infra/read-store/tables/executions.js';
import { usageDays } from '../../infra/read-store/tables/usage.js';
import {
  at,
  openReadModels,
  ORGANIZATION,
  outputRef,
  storyOf,
  type Fact,
  type ReadModels,
} from '../testing/kit.js';
import { executions } from './executions.js';

const UUID = '33333333-3333-4333-8333-333333333333';
const KEY = 'key_22222222-2222-4222-8222-222222222222';
const ID = `exec_${UUID}`;

describe('projection executions', () => {
  let models: ReadModels;
  before(async () => {
    models = await openReadModels();
  });
  beforeEach(() => models.reset());
  after(() => models?.close());

  const requested = {
    id: ID,
    status: 'PENDING',
    model: 'text-generation-standard',
    estimated_cost: '0.008',
    hold_amount: '0.010',
    cost: null,
    latency_ms: null,
    created_at: at(0),
    expires_at: at(300),
    started_at: null,
    completed_at: null,
    metadata: { order: '4711', '': 'a NUL \0 and a "quote"' },
  };
  const columns = {
    id: ID,
    organization_id: ORGANIZATION,
    api_key_id: KEY,
    model: 'text-generation-standard',
    created_at: at(0),
  };
  const story = storyOf(ORGANIZATION, UUID, requested.metadata);
  const label = (...of: Parameters<typeof labelOf> extends [unknown, ...infer R] ? R : never) => {
    const hex = labelOf(ORGANIZATION, ...of);
    return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5');
  };
  const pending = [label('status', 'PENDING'), label('waiting', 'text-generation-standard')];
  const labels = async () =>
    new Set((await models.rows(executionLabels)).map((row) => (row as { label: string }).label));
  const metadataLabels = [
    label('metadata', 'order', '4711'),
    label('metadata', '', 'a NUL \0 and a "quote"'),
  ];

  it('given a request, then a pending row that is found as open', async () => {
    await models.append(story.requested(0));
    await models.project(executions);
    expect(await models.rows(table)).to.deep.equal([
      { ...columns, status: 'PENDING', body: requested, revision: 0, position: '0' },
    ]);
    expect(await labels()).to.deep.equal(new Set([...pending, ...metadataLabels]));
  });

  it('given attempts and a completion, then what it came to', async () => {
    await models.append(story.requested(0), story.dispatched(1), story.failedOnce(2));
    await models.append(story.dispatched(3, 2), story.accepted(4));
    await models.project(executions, 1, 2);
    expect(await models.rows(table)).to.deep.equal([
      {
        ...columns,
        status: 'AWAITING_WEBHOOK',
        body: { ...requested, status: 'AWAITING_WEBHOOK', started_at: at(1) },
        revision: 4,
        position: '4',
      },
    ]);
    await models.append(story.delivered(5), story.completed(6));
    await models.project(executions);
    expect(await models.rows(table)).to.deep.equal([
      {
        ...columns,
        status: 'COMPLETED',
        output: outputRef,
        body: {
          ...requested,
          status: 'COMPLETED',
          cost: '0.004',
          latency_ms: 3_000,
          started_at: at(1),
          completed_at: at(6),
          result: { text: 'Rivers meander.' },
        },
        revision: 6,
        position: '6',
      },
    ]);
    expect(await labels()).to.deep.equal(new Set(metadataLabels));
  });

  it('given attempts, then it is found as waiting between them, wherever batches end', async () => {
    const facts = [story.requested(0), story.dispatched(1), story.failedOnce(2)];
    await models.append(...facts, story.dispatched(3, 2), story.unknown(4));
    const { length } = await models.events();
    for (let ends = 0; ends < 2 ** (length - 1); ends++) {
      await models.clear();
      const after = Array.from({ length: length - 1 }, (_, n) => n + 1);
      await models.project(executions, ...after.filter((end) => ends & (1 << (end - 1))));
      expect(await labels()).to.deep.equal(new Set([...pending, ...metadataLabels]));
    }
    await models.append(story.dispatched(5, 3));
    await models.project(executions);
    expect(await labels()).to.deep.equal(new Set([label('running'), ...metadataLabels]));
  });

  it('given a failure, then its error, and that it is found as failed', async () => {
    await models.append(story.requested(0), story.failed(1));
    await models.project(executions, 1);
    const error = { code: 'GENERATION_FAILED', message: 'It failed.', retryable: true };
    expect(await models.rows(table)).to.deep.equal([
      {
        ...columns,
        status: 'FAILED',
        body: { ...requested, status: 'FAILED', completed_at: at(1), error },
        revision: 1,
        position: '1',
      },
    ]);
    expect(await labels()).to.deep.equal(new Set([label('status', 'FAILED'), ...metadataLabels]));
  });

  it('given an end, then nothing changes any more', async () => {
    await models.append(story.requested(0), story.cancelled(1), story.expired(2));
    await models.project(executions, 1, 2);
    expect(await models.rows(table)).to.deep.equal([
      {
        ...columns,
        status: 'CANCELLED',
        body: { ...requested, status: 'CANCELLED', completed_at: at(1) },
        revision: 1,
        position: '1',
      },
    ]);
    expect(await labels()).to.deep.equal(
      new Set([label('status', 'CANCELLED'), ...metadataLabels]),
    );
  });

  it('given that its contents were erased, then since when, and no output', async () => {
    const erasedAt = (seconds: number): Fact => ({
      type: 'PayloadsErased',
      data: {
        executionId: ID,
        organizationId: ORGANIZATION,
        cause: 'asked',
        payloads: [outputRef],
        bytes: 12,
        files: [],
        at: at(seconds),
      },
      stream: streamOf('erasure', ID),
    });
    await models.append(story.requested(0), story.dispatched(1), story.completed(6));
    await models.append(erasedAt(60));
    for (const ends of [[], [3]]) {
      await models.clear();
      await models.project(executions, ...ends);
      const [row] = (await models.rows(table)) as { body: Record<string, unknown> }[];
      expect(row).to.deep.include({ status: 'COMPLETED', revision: 2, position: '3' });
      expect(row).to.not.have.property('output');
      expect(row?.body['payloads_erased_at']).to.equal(at(60));
      expect(Object.keys(row?.body ?? {}).at(-1)).to.equal('payloads_erased_at');
    }
  });

  it('given an abandonment, then nobody has it, until it is asked for again', async () => {
    await models.append(story.abandoned(0));
    await models.project(executions);
    expect(await models.rows(table)).to.deep.equal([]);
    await models.append(story.requested(0));
    await models.project(executions);
    expect(await models.rows(table)).to.deep.equal([
      { ...columns, status: 'PENDING', body: requested, revision: 1, position: '1' },
    ]);
  });

  it('given settlements, then their sums by day, model and key, wherever batches end', async () => {
    const [second, third] = [storyOf(), storyOf()];
    await models.append(story.requested(0), story.completed(1), story.settled(2));
    await models.append(second.requested(0), second.completed(1), second.settled(43_200));
    await models.append(third.requested(0), third.completed(1), third.settled(4));
    const sums = { organization_id: ORGANIZATION, api_key_id: KEY, model: requested.model };
    const { length } = await models.events();
    for (const ends of [[], [2], [3, 8], Array.from({ length }, (_, n) => n + 1)]) {
      await models.clear();
      await models.project(executions, ...ends);
      expect(await models.rows(usageDays, 'day')).to.deep.equal([
        { ...sums, day: '2026-01-31', executions: '2', cost_micros: '8000' },
        { ...sums, day: '2026-02-01', executions: '1', cost_micros: '4000' },
      ]);
    }
  });
});
