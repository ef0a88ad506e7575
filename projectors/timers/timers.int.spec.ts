import { expect } from 'chai';
import type { DeliveryEvent } from '../../contracts/events/delivery.js';
import type { FileEvent } from '../../contracts/events/file.js';
import { streamOf } from '../../contracts/streams.js';
import { endpointOf } from '../../infra/read-store/due-deliveries.js';
import type { OrganizationId } from '../../contracts/ids.js';
import {
  dueTimers,
  dueTimersOfEach,
  isFileInUse,
  timers as table,
} from '../../infra/read-store/timers.js';
import {
  at,
  openReadModels,
  ORGANIZATION,
  storyOf,
  type Fact,
  type ReadModels,
} from '../testing/kit.js';
import { timers } from './timers.js';

const UUID = '33333333-3333-4333-8333-333333333333';
const story = storyOf(ORGANIZATION, UUID);
const { executionId, holdId } = story;

const KINDS = [
  'expire-execution',
  'attempt-deadline',
  'poll-provider-job',
  'retry-attempt',
  'reconcile-hold',
] as const;

describe('projection timers', () => {
  let models: ReadModels;
  before(async () => {
    models = await openReadModels();
  });
  beforeEach(() => models.reset());
  after(() => models?.close());

  /** `kind/…: due after so many seconds`, each fact projected in a batch of its own. */
  const then = async (...facts: Fact[]) => {
    const before = (await models.events()).length;
    await models.append(...facts);
    await models.project(timers, ...facts.map((_, n) => before + n));
    const rows = (await models.rows(table)) as { kind: string; due_at: string }[];
    const dueS = (time: string) => (Date.parse(time) - Date.parse(at(0))) / 1000;
    return Object.fromEntries(rows.map(({ kind, due_at }) => [kind, dueS(due_at)]));
  };

  it('a hold is looked after until its request follows, and again once that is over', async () => {
    expect(await then(story.held(0))).to.deep.equal({ 'reconcile-hold': 60 });
    expect(await then(story.requested(1))).to.deep.equal({ 'expire-execution': 301 });
    expect(await then(story.cancelled(5))).to.deep.equal({ 'reconcile-hold': 65 });
    expect(await then(story.released(6))).to.deep.equal({});
  });

  it('a hold whose request never followed is looked after until it is released', async () => {
    expect(await then(story.held(0), story.abandoned(61))).to.deep.equal({ 'reconcile-hold': 60 });
    expect(await then(story.released(62))).to.deep.equal({});
  });

  it('an attempt has its deadline until its outcome is known', async () => {
    const waiting = { 'expire-execution': 300 };
    expect(await then(story.requested(0), story.dispatched(1))).to.deep.equal({
      ...waiting,
      'attempt-deadline': 31,
    });
    expect(await then(story.failedOnce(2, at(7)))).to.deep.equal({
      ...waiting,
      'retry-attempt': 7,
    });
    expect(await then(story.dispatched(8, 2))).to.deep.equal({
      ...waiting,
      'attempt-deadline': 38,
    });
    expect(await then(story.accepted(9))).to.deep.equal({ ...waiting, 'attempt-deadline': 38 });
    expect(await then(story.unknown(10))).to.deep.equal(waiting);
    expect(await then(story.dispatched(11, 3), story.failedOnce(12))).to.deep.equal(waiting);
    expect(await then(story.failed(13))).to.deep.equal({ 'reconcile-hold': 73 });
  });

  it('a job that the provider accepted is asked about, in the place of its deadline', async () => {
    await then(story.requested(0), story.dispatched(1));
    const asked = { 'expire-execution': 300, 'poll-provider-job': 4 };
    expect(await then(story.accepted(2, at(4)))).to.deep.equal(asked);
    const [due] = await dueTimers(models.pool, Date.parse(at(4)), KINDS, 10);
    expect(due).to.include({
      id: `attempt-deadline/${executionId}`,
      kind: 'poll-provider-job',
      attempt: 1,
    });
    expect(await then(story.failedOnce(9))).to.deep.equal({ 'expire-execution': 300 });
    await then(story.dispatched(10, 2), story.accepted(11, at(12)));
    expect(await then(story.cancelled(13))).to.deep.equal({ 'reconcile-hold': 73 });
  });

  it('what was delivered has its grace to be re-hosted', async () => {
    await then(story.requested(0), story.dispatched(1));
    expect(await then(story.delivered(10))).to.deep.equal({ 'expire-execution': 10 + 900 });
    expect(await then(story.completed(11))).to.deep.equal({ 'reconcile-hold': 71 });
    expect(await then(story.settled(12))).to.deep.equal({});
  });

  it('a delivery is attempted until it is over', async () => {
    const deliveryId = 'dlv_44444444-4444-4444-8444-444444444444';
    const known = { deliveryId, organizationId: ORGANIZATION, executionId } as const;
    const fact = (event: DeliveryEvent): Fact => ({
      ...event,
      stream: streamOf('delivery', deliveryId),
    });
    const scheduled = fact({
      type: 'DeliveryScheduled',
      data: {
        ...known,
        eventId: 'evt_55555555-5555-4555-8555-555555555555',
        sequence: 3,
        eventType: 'execution.completed',
        revision: 2,
        url: 'https://a.example/',
        at: at(0),
      },
    });
    const failed = fact({
      type: 'DeliveryAttemptFailed',
      data: {
        ...known,
        attempt: 1,
        status: 500,
        reason: 'answered 500',
        latencyMs: 5,
        nextAttemptAt: at(121),
        at: at(1),
      },
    });
    const succeeded = fact({
      type: 'DeliverySucceeded',
      data: { ...known, attempt: 2, status: 200, latencyMs: 5, at: at(130) },
    });
    expect(await then(scheduled)).to.deep.equal({ 'attempt-webhook': 45 });
    expect(await then(failed)).to.deep.equal({ 'attempt-webhook': 121 });
    expect(await models.rows(table)).to.have.length(1);
    expect((await models.rows(table))[0]).to.include({
      id: `attempt-webhook/${deliveryId}`,
      attempt: 1,
      delivery_id: deliveryId,
      endpoint: endpointOf(ORGANIZATION, 'https://a.example/'),
    });
    expect(await dueTimers(models.pool, Date.parse(at(121)), KINDS, 10)).to.deep.equal([]);
    expect(await then(succeeded)).to.deep.equal({});
    const again = fact({
      type: 'RedeliveryRequested',
      data: { ...known, requestId: 'req_1', attempts: 2, was: 'succeeded', at: at(140) },
    });
    expect(await then(again)).to.deep.equal({ 'attempt-webhook': 140 });
    const stopped = fact({
      type: 'DeliveryStopped',
      data: { ...known, cause: 'endpoint_deleted', at: at(141) },
    });
    expect(await then(stopped)).to.deep.equal({});
  });

  it('a file expires, and its bytes are removed once it is gone', async () => {
    const fileId = 'file_77777777-7777-4777-8777-777777777777';
    const about = { fileId, organizationId: ORGANIZATION } as const;
    const content = {
      contentType: 'image/png',
      format: 'png',
      sizeBytes: 5,
      sha256: 'ab'.repeat(32),
    };
    const fact = (event: FileEvent): Fact => ({ ...event, stream: streamOf('file', fileId) });
    const apiKeyId = 'key_44444444-4444-4444-8444-444444444444';
    const asked = {
      ...about,
      apiKeyId,
      purpose: 'INPUT',
      ttlDays: 1,
      uploadExpiresAt: at(60),
    } as const;
    const kept = { ...about, ...content, purpose: 'INPUT', expiresAt: at(900), at: at(5) } as const;
    expect(await then(fact({ type: 'FileUploadRequested', data: { ...asked, at: at(0) } }))).to.eql(
      {
        'expire-file': 60,
      },
    );
    expect(await then(fact({ type: 'FileConfirmed', data: kept }))).to.eql({ 'expire-file': 900 });
    const gone = fact({ type: 'FileDeleted', data: { ...about, sizeBytes: 5, at: at(7) } });
    expect(await then(gone)).to.deep.equal({ 'remove-file': 7 });
    const due = await dueTimers(models.pool, Date.parse(at(8)), ['expire-file', 'remove-file'], 9);
    expect(due.map(({ kind, stream }) => [kind, stream])).to.deep.equal([
      ['remove-file', `file-${fileId}`],
    ]);
    expect(await then(fact({ type: 'FileRemoved', data: { ...about, at: at(9) } }))).to.eql({});
  });

  it('a file is in use while an execution that has it as an input is not over', async () => {
    const fileId = 'file_77777777-7777-4777-8777-777777777777';
    const isUsed = (id: typeof fileId | 'file_0' = fileId, organizationId = ORGANIZATION) =>
      isFileInUse(models.pool, organizationId, id);
    const requested = story.requested(1);
    if (requested.type !== 'ExecutionRequested') throw new Error('the story begins otherwise');
    await then({ ...requested, data: { ...requested.data, files: [fileId] } });
    expect([await isUsed(), await isUsed('file_0')]).to.deep.equal([true, false]);
    expect(await isUsed(fileId, 'org_99999999-9999-4999-8999-999999999999')).to.equal(false);
    await then(story.dispatched(2), story.delivered(3));
    expect(await isUsed()).to.equal(true);
    await then(story.cancelled(5));
    expect(await isUsed()).to.equal(false);
  });

  it('those that are due are found with what they are about, the longest due first', async () => {
    const other = storyOf(ORGANIZATION, '66666666-6666-4666-8666-666666666666');
    await then(other.held(0), story.requested(10), story.dispatched(20));
    const common = { organizationId: ORGANIZATION };
    const deadline = {
      ...common,
      id: `attempt-deadline/${executionId}`,
      kind: 'attempt-deadline',
      attempt: 1,
      executionId,
      stream: story.stream,
      dueAt: at(50),
      position: 2n,
    };
    const reconcile = {
      ...common,
      id: `reconcile-hold/${other.holdId}`,
      kind: 'reconcile-hold',
      executionId: other.executionId,
      holdId: other.holdId,
      stream: story.account,
      dueAt: at(60),
      position: 0n,
    };
    const due = (second: number, limit = 10, except: readonly string[] = []) =>
      dueTimers(models.pool, Date.parse(at(second)), KINDS, limit, except);
    expect(await due(49)).to.deep.equal([]);
    expect(await due(60)).to.deep.equal([deadline, reconcile]);
    expect(await due(60, 10, [`${deadline.id}@2`])).to.deep.equal([reconcile]);
    expect((await due(310)).map(({ kind }) => kind)).to.deep.equal([
      'attempt-deadline',
      'reconcile-hold',
      'expire-execution',
    ]);
    expect(holdId).to.equal(`hold_${UUID}`);
    const third = storyOf(ORGANIZATION, '77777777-7777-4777-8777-777777777777');
    await then(third.held(1));
    expect(await due(70, 1), 'of each kind').to.deep.equal([deadline, reconcile]);
  });

  it('those of each organization are found among many of another one', async () => {
    const many = Array.from({ length: 12 }, (_, n) =>
      storyOf(ORGANIZATION, `88888888-8888-4888-8888-8888888888${10 + n}`).held(n),
    );
    const other: OrganizationId = 'org_99999999-9999-4999-8999-999999999999';
    const late = storyOf(other, '99999999-9999-4999-8999-999999999999');
    await then(...many, late.held(20));
    const few = { each: 2, limit: 10, amongMax: 1_000 };
    const found = await dueTimersOfEach(models.pool, Date.parse(at(200)), 'reconcile-hold', few);
    expect(found.map(({ organizationId }) => organizationId)).to.deep.equal([
      ORGANIZATION,
      other,
      ORGANIZATION,
    ]);
    expect(found[1]).to.include({ kind: 'reconcile-hold', executionId: late.executionId });
  });
});
