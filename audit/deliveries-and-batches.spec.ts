import { expect } from 'chai';
import { type BatchId, type ExecutionId } from '../contracts/ids.js';
import type { Moment } from './overdue.js';
import { audit, completed, settled, underWay } from './testing/audited.js';
import { openStory, START_MS, tellTold, URL_TOLD, type Story } from './testing/story.js';

const DAY_MS = 86_400_000;

describe('the audit of deliveries, I5: what is owed to a webhook is told, or given up', () => {
  it('finds an event that no delivery was scheduled for', () => {
    const begun = openStory();
    begun.deposit(100_000n);
    tellTold(begun);
    const events = begun.events.filter(({ type, stream }) => {
      const lost = begun.events.findLast(({ type }) => type === 'DeliveryScheduled');
      return !(stream === lost?.stream && type.startsWith('Delivery'));
    });
    expect(audit(events, settled).map(({ invariant, problem }) => [invariant, problem])).to.eql([
      ['I5', `execution.completed of ${begun.time(6)} is owed and not scheduled`],
    ]);
  });

  it('finds one that was scheduled twice, under another event id, or for nothing', () => {
    const story = openStory();
    story.deposit(100_000n);
    const id = story.execution();
    story.request(id, story.place(id, 10_000n), 10_000n, { webhookUrl: URL_TOLD });
    story.dispatch(id, 1);
    const wrongId = `evt_${'0'.repeat(8)}-0000-4000-8000-${'0'.repeat(12)}`;
    story.schedule(id, 'execution.started', 2, { eventId: wrongId });
    story.schedule(id, 'execution.completed', 3);
    expect(audit(story.events).map(({ problem }) => problem)).to.deep.equal([
      'its event id is not that of execution.started',
      `execution.completed of ${id} is scheduled, and is not owed (any more)`,
    ]);
  });

  it('finds a delivery that nothing was heard of', () => {
    const story = openStory();
    story.deposit(100_000n);
    tellTold(story);
    const events = story.events.slice(0, -2);
    expect(audit(events)).to.deep.equal([]);
    expect(audit(events, settled).map(({ invariant }) => invariant)).to.deep.equal(['I5']);
    const late = { nowMs: START_MS + DAY_MS };
    expect(audit(events, late).map(({ invariant }) => invariant)).to.deep.equal(['I5']);
  });

  it('finds an event that an endpoint wanted and that no delivery was scheduled for', () => {
    const story = openStory();
    story.deposit(100_000n);
    const endpointId = 'we_00000000-0000-4000-8000-000000000001';
    const { organizationId } = story.events[0]!.data as { organizationId: string };
    const stream = `webhookEndpoint-${organizationId}` as const;
    const about = { organizationId, endpointId };
    const chosen = { url: URL_TOLD, events: ['execution.started'], isActive: true };
    story.tell(stream, 'WebhookEndpointRegistered', { ...about, ...chosen });
    const id = story.execution();
    story.request(id, story.place(id, 10_000n), 10_000n);
    story.dispatch(id, 1);
    expect(audit(story.events)).to.deep.equal([]);
    const due = audit(story.events, settled).filter(({ invariant }) => invariant === 'I5');
    expect(due.map(({ problem }) => problem)).to.deep.equal([
      `execution.started ${endpointId} of ${story.time(4)} is owed and not scheduled`,
    ]);
    const deliveryId = story.schedule(id, 'execution.started', 2, { endpointId });
    story.deliver(deliveryId, id, 'DeliverySucceeded', { attempt: 1, status: 200, endpointId });
    expect(audit(story.events, settled).filter(({ invariant }) => invariant === 'I5')).to.eql([]);
    const again = { requestId: 'req_1', attempts: 1, was: 'succeeded', endpointId };
    story.deliver(deliveryId, id, 'RedeliveryRequested', again);
    expect(audit(story.events)).to.deep.equal([]);
    story.deliver(deliveryId, id, 'DeliveryExhausted', {
      attempt: 2,
      reason: 'timeout',
      cause: 'attempts',
      endpointId,
    });
    expect(audit(story.events)).to.deep.equal([]);
  });

  it('finds a number that does not fit the timeline (I8)', () => {
    const told = openStory();
    told.deposit(100_000n);
    const other = told.execution();
    told.request(other, told.place(other, 10_000n), 10_000n, { webhookUrl: URL_TOLD });
    told.dispatch(other, 1);
    told.schedule(other, 'execution.started', 3);
    expect(audit(told.events).map(({ invariant }) => invariant)).to.deep.equal(['I8', 'I5']);
  });
});

describe('I1: a batch is over when its executions are', () => {
  const batchId: BatchId = 'batch_11111111-1111-5111-8111-111111111111';
  const stream = `batch-${batchId}` as const;
  const ends = { completed: 1, failed: 0, cancelled: 0, expired: 0, rejected: 0, cost: 0n };
  const submit = (story: Story, ...executionIds: ExecutionId[]) =>
    story.tell(stream, 'BatchSubmitted', { batchId, executionIds, rejected: 0 });
  const complete = (story: Story) => story.tell(stream, 'BatchCompleted', { batchId, ...ends });
  const problemsOf = (story: Story, moment?: Partial<Moment>) =>
    audit(story.events, moment)
      .filter(({ subject }) => subject === stream)
      .map(({ problem }) => problem);

  it('finds none where that is so, and one that was forgotten', () => {
    const { story, id } = completed();
    submit(story, id);
    expect(problemsOf(story, settled)).to.deep.equal([
      'all of its executions are over, and it is not',
    ]);
    complete(story);
    expect(problemsOf(story, settled)).to.deep.equal([]);
  });

  it('finds one that was completed too early, twice, or with other counts', () => {
    const { story, id } = underWay();
    submit(story, id, story.execution());
    complete(story);
    complete(story);
    const counts = 'it counts 1 ends of 2 executions';
    const early = `it was completed while ${id} was not over`;
    expect(problemsOf(story)).to.deep.equal([
      counts,
      early,
      counts,
      'it was completed twice',
      early,
    ]);
  });
});
