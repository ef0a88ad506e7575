import { expect } from 'chai';
import type { ApiKeyId, BatchId, ExecutionId, OrganizationId } from '../../contracts/ids.js';
import { specFor } from '../testing/given-when-then.js';
import * as Batch from './batch.js';
import { batchBody, foldBatch, type BatchView } from './view.js';

const batchId: BatchId = 'batch_11111111-1111-5111-8111-111111111111';
const organizationId: OrganizationId = 'org_22222222-2222-4222-8222-222222222222';
const apiKeyId: ApiKeyId = 'key_33333333-3333-4333-8333-333333333333';
const [one, two, three] = ['1', '2', '3'].map(
  (digit): ExecutionId => `exec_${digit.repeat(8)}-1111-5111-8111-111111111111`,
) as [ExecutionId, ExecutionId, ExecutionId];
const itemsHash = 'ab'.repeat(32);
const [at, later] = ['2026-01-31T12:00:00.000Z', '2026-01-31T12:00:09.000Z'];

const { given } = specFor(Batch);

const submit = (executionIds: readonly ExecutionId[], rejected = 0): Batch.Command => ({
  type: 'Submit',
  batchId,
  organizationId,
  apiKeyId,
  itemsHash,
  executionIds,
  rejected,
  others: [],
  at,
});

const submitted = (executionIds: readonly ExecutionId[], rejected = 0): Batch.Event => ({
  type: 'BatchSubmitted',
  data: { batchId, organizationId, apiKeyId, itemsHash, executionIds, rejected, at },
});

const extended = (executionIds: readonly ExecutionId[], rejected = 0): Batch.Event => ({
  type: 'BatchExtended',
  data: { batchId, organizationId, apiKeyId, executionIds, rejected, at },
});

const cancelRequested: Batch.Event = {
  type: 'BatchCancelRequested',
  data: { batchId, organizationId, apiKeyId, at: later },
};

const ends = { completed: 1, failed: 0, cancelled: 1, expired: 0, cost: 4_000n };
const complete = (executions: number): Batch.Command => ({
  type: 'Complete',
  executions,
  ends,
  at: later,
});
const completed: Batch.Event = {
  type: 'BatchCompleted',
  data: { batchId, organizationId, ...ends, rejected: 1, at: later },
};

describe('batch', () => {
  it('is submitted once, whoever repeats it', () => {
    given()
      .when(submit([one, two], 1))
      .then(submitted([one, two], 1));
    given(submitted([one, two], 1))
      .when(submit([one, two], 1))
      .thenAlreadyDone();
    given(submitted([one, two], 1), completed)
      .when(submit([two], 2))
      .thenAlreadyDone();
  });

  it('counts the executions that were there before it', () => {
    const command = { ...submit([one, two]), others: [two] } as Batch.Command;
    const { type, data } = submitted([one, two]);
    given()
      .when(command)
      .then({ type, data: { ...data, others: 1 } } as Batch.Event);
  });

  it('is open again for what a repeat had accepted', () => {
    given(submitted([one], 1))
      .when(submit([one, two]))
      .then(extended([two]));
    given(submitted([one], 1), completed)
      .when(submit([one, two]))
      .then(extended([two]));
    given(submitted([one], 1), cancelRequested, completed, extended([two]))
      .when({ type: 'RequestCancel', apiKeyId, at: later })
      .then(cancelRequested);
  });

  it('refuses other items', () => {
    const other = { ...submit([one]), itemsHash: 'cd'.repeat(32) } as Batch.Command;
    given(submitted([one]))
      .when(other)
      .thenRejected('BatchHasOtherItems');
    given(submitted([one]), completed)
      .when(other)
      .thenRejected('BatchHasOtherItems');
  });

  it('completes once, when all that it has then are over', () => {
    given(submitted([one, two], 1))
      .when(complete(2))
      .then(completed);
    given(submitted([one, two], 1), completed)
      .when(complete(2))
      .thenAlreadyDone();
    given(submitted([one, two], 1), extended([three]))
      .when(complete(2))
      .thenRejected('BatchIsNotOver');
    given().when(complete(0)).thenRejected('BatchUnknown');
  });

  it('is cancelled while it is not over, and again without effect', () => {
    const cancel: Batch.Command = { type: 'RequestCancel', apiKeyId, at: later };
    given(submitted([one]))
      .when(cancel)
      .then(cancelRequested);
    given(submitted([one]), cancelRequested)
      .when(cancel)
      .thenAlreadyDone();
    given(submitted([one]), cancelRequested, completed)
      .when(cancel)
      .thenAlreadyDone();
    given(submitted([one]), completed)
      .when(cancel)
      .thenRejected('BatchIsOver');
    given().when(cancel).thenRejected('BatchUnknown');
  });
});

describe('the view of a batch', () => {
  const viewOf = (...events: Batch.Event[]) =>
    events.reduce<BatchView | undefined>(foldBatch, undefined) as BatchView;
  const none = { pending: 0, processing: 0, completed: 0, failed: 0, cancelled: 0, expired: 0 };
  const links = {
    self: `/v1/batches/${batchId}`,
    executions: `/v1/executions?batch_id=${batchId}`,
  };

  it('counts statuses until it is over', () => {
    const statuses = [
      { status: 'AWAITING_WEBHOOK', count: 1, cost: 0n },
      { status: 'COMPLETED', count: 1, cost: 4_000n },
    ] as const;
    expect(batchBody(viewOf(submitted([one, two, three], 2)), statuses)).to.deep.equal({
      id: batchId,
      status: 'PROCESSING',
      counts: { ...none, total: 5, pending: 1, processing: 1, completed: 1, rejected: 2 },
      cost: '0.004',
      created_at: at,
      cancel_requested_at: null,
      completed_at: null,
      links,
    });
  });

  it('says what its completion says', () => {
    const view = viewOf(submitted([one, two], 1), cancelRequested, completed);
    expect(batchBody(view)).to.deep.equal({
      id: batchId,
      status: 'CANCELLED',
      counts: { ...none, total: 3, completed: 1, cancelled: 1, rejected: 1 },
      cost: '0.004',
      created_at: at,
      cancel_requested_at: later,
      completed_at: later,
      links,
    });
  });

  it('is of now again after more joined', () => {
    const view = viewOf(submitted([one], 1), completed, extended([two]));
    const body = batchBody(view, [{ status: 'CANCELLED', count: 1, cost: 0n }]);
    expect(body).to.deep.include({ status: 'PROCESSING', completed_at: null });
    expect(body.counts).to.deep.equal({ ...none, total: 2, pending: 1, cancelled: 1, rejected: 0 });
  });
});
