/**
 * Timers (architecture.md, decision 9). An event sets a timer and a later event clears it; the
 * scheduler sees only the timers whose work was not done in time.
 *
 *   expire-execution   requested ──(expires_at)──► delivered: at least the re-host grace ──► over
 *   attempt-deadline   dispatched ──(its deadline)──► the attempt ended, or the execution did
 *   poll-provider-job  accepted ──(its first poll)──► the attempt ended, or the execution did;
 *                      takes the row of the attempt's deadline, and keeps that too
 *   retry-attempt      failed, or unknown, with a time ──(that time)──► dispatched, or over
 *   attempt-webhook    scheduled ──(45 s)──► attempt failed ──(next attempt)──► sent, or given up
 *                      asked for again ──(now)──► the same
 *   reconcile-hold     placed ──(60 s)──► requested … over ──(60 s)──► settled, or released
 *   expire-file        upload asked for ──(its hour)──► confirmed ──(expires_at)──► deleted
 *   remove-file        deleted, or expired ──(now)──► the bytes are removed
 *   check-batch        submitted with executions of others ──(2 s)──► completed
 *
 * While an execution runs, its hold needs no timer: the execution's own end it.
 */
import type { AccountEvent } from '../../contracts/events/account.js';
import type { BatchEvent, BatchExtended, BatchSubmitted } from '../../contracts/events/batch.js';
import type { DeliveryEvent } from '../../contracts/events/delivery.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { ExecutionEvent } from '../../contracts/events/execution.js';
import type { FileEvent } from '../../contracts/events/file.js';
import type { ExecutionId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { REHOST_GRACE_MS } from '../../domain/execution/execution.js';
import { endpointOf, FIRST_ATTEMPT_MS } from '../../infra/read-store/due-deliveries.js';
import {
  timerId,
  timers as table,
  type TimerKind,
  type TimerRow,
} from '../../infra/read-store/timers.js';
import { projection, type Batch } from '../engine/projection.js';

type TimedEvent = AccountEvent | ExecutionEvent | DeliveryEvent | FileEvent | BatchEvent;

/** A hold that waits longer than this for its request or its settlement has been forgotten. */
const RECONCILE_MS = 60_000;
/** Its executions that name it need no timer. */
const CHECK_BATCH_MS = 2_000;

export const timers = projection<TimedEvent>(
  'timers',
  {
    version: 2,
    tables: [table],
    plan: ({ type, data }, plan) => {
      if (type === 'ExecutionRequested') plan.creates(table, expiryOf(data));
      if (type === 'ProviderSucceeded') plan.reads(table, expiryOf(data));
      if (type === 'DeliveryAttemptFailed') plan.reads(table, attemptOf(data));
    },
  },
  {
    HoldPlaced: (event, batch) => {
      const { organizationId, holdId, at } = event.data;
      const stream = streamOf('account', organizationId);
      const dueAt = later(at, RECONCILE_MS);
      batch.of(table).create({ ...timer('reconcile-hold', holdId, event, dueAt), stream, holdId });
    },
    HoldSettled: ({ data }, batch) => clear('reconcile-hold', data.holdId, batch),
    HoldReleased: ({ data }, batch) => clear('reconcile-hold', data.holdId, batch),

    ExecutionRequested: (event, batch) => {
      const { executionId, holdId, expiresAt, files: fileIds } = event.data;
      const row = timer('expire-execution', executionId, event, expiresAt);
      batch.of(table).create(fileIds ? { ...row, fileIds } : row);
      clear('reconcile-hold', holdId, batch);
    },
    ProviderDispatched: (event, batch) => {
      const { executionId, attempt, deadline } = event.data;
      clear('retry-attempt', executionId, batch);
      const row = timer('attempt-deadline', executionId, event, deadline);
      batch.of(table).put({ ...row, attempt });
    },
    ProviderAccepted: (event, batch) => {
      const { executionId, attempt, pollAt } = event.data;
      if (!pollAt) return;
      const row = timer('poll-provider-job', executionId, event, pollAt);
      const id = timerId('attempt-deadline', executionId);
      batch.of(table).put({ ...row, id, attempt });
    },
    ProviderSucceeded: (event, batch) => {
      const { executionId, at } = event.data;
      clear('attempt-deadline', executionId, batch);
      const expiry = batch.of(table).get(expiryOf(event.data));
      if (!expiry) return;
      const graceEnds = later(at, REHOST_GRACE_MS);
      const dueAt = graceEnds > expiry.dueAt ? graceEnds : expiry.dueAt;
      const row = timer('expire-execution', executionId, event, dueAt);
      const { fileIds } = expiry;
      batch.of(table).put(fileIds ? { ...row, fileIds } : row);
    },
    ProviderFailed: attemptEnded,
    ProviderOutcomeUnknown: attemptEnded,
    ExecutionCompleted: finish,
    ExecutionFailed: finish,
    ExecutionCancelled: finish,
    ExecutionExpired: finish,

    DeliveryScheduled: (event, batch) => {
      const dueAt = later(event.data.at, FIRST_ATTEMPT_MS);
      const { organizationId, endpointId, url } = event.data;
      const endpoint = endpointOf(organizationId, endpointId ?? url);
      batch.of(table).create({ ...webhookTimer(event, dueAt, 0), endpoint });
    },
    DeliveryAttemptFailed: (event, batch) => {
      const { nextAttemptAt, attempt } = event.data;
      const { endpoint } = batch.of(table).get(attemptOf(event.data)) ?? {};
      const row = webhookTimer(event, nextAttemptAt, attempt);
      batch.of(table).put({ ...row, ...(endpoint !== undefined && { endpoint }) });
    },
    DeliverySucceeded: ({ data }, batch) => clear('attempt-webhook', data.deliveryId, batch),
    DeliveryExhausted: ({ data }, batch) => clear('attempt-webhook', data.deliveryId, batch),
    DeliveryStopped: ({ data }, batch) => clear('attempt-webhook', data.deliveryId, batch),
    RedeliveryRequested: (event, batch) => {
      const { organizationId, endpointId, attempts, at } = event.data;
      const endpoint = endpointId && endpointOf(organizationId, endpointId);
      const row = webhookTimer(event, at, attempts);
      batch.of(table).put({ ...row, ...(endpoint !== undefined && { endpoint }) });
    },

    FileUploadRequested: (event, batch) => expireFile(event, event.data.uploadExpiresAt, batch),
    FileConfirmed: (event, batch) => expireFile(event, event.data.expiresAt, batch),
    FileStored: (event, batch) => {
      if (event.data.expiresAt !== undefined) expireFile(event, event.data.expiresAt, batch);
    },
    FileDeleted: removeFile,
    FileExpired: removeFile,
    FileRemoved: ({ data }, batch) => clear('remove-file', data.fileId, batch),

    BatchSubmitted: checkBatch,
    BatchExtended: checkBatch,
    BatchCompleted: ({ data }, batch) => clear('check-batch', data.batchId, batch),
  },
);

type AttemptEnd = Extract<ExecutionEvent, { type: 'ProviderFailed' | 'ProviderOutcomeUnknown' }>;

function attemptEnded(event: RecordedEvent<AttemptEnd>, batch: Batch): void {
  const { executionId, attempt, notBefore } = event.data;
  clear('attempt-deadline', executionId, batch);
  if (!notBefore) return;
  const row = timer('retry-attempt', executionId, event, notBefore);
  batch.of(table).put({ ...row, attempt });
}

type Ending = Extract<
  ExecutionEvent,
  { type: 'ExecutionCompleted' | 'ExecutionFailed' | 'ExecutionCancelled' | 'ExecutionExpired' }
>;

function finish(event: RecordedEvent<Ending>, batch: Batch): void {
  const { executionId, organizationId, holdId, at } = event.data;
  clear('expire-execution', executionId, batch);
  clear('attempt-deadline', executionId, batch);
  clear('retry-attempt', executionId, batch);
  const stream = streamOf('account', organizationId);
  const row = timer('reconcile-hold', holdId, event, later(at, RECONCILE_MS));
  batch.of(table).put({ ...row, stream, holdId });
}

function expireFile(event: RecordedEvent<FileEvent>, dueAt: string, batch: Batch): void {
  batch.of(table).put(fileTimer('expire-file', event, dueAt));
}

function removeFile(
  event: RecordedEvent<Extract<FileEvent, { type: 'FileDeleted' | 'FileExpired' }>>,
  batch: Batch,
): void {
  clear('expire-file', event.data.fileId, batch);
  batch.of(table).put(fileTimer('remove-file', event, event.data.at));
}

/** Where an execution of it tells nobody that it is over. */
function checkBatch(
  { data, stream, position }: RecordedEvent<BatchSubmitted | BatchExtended>,
  batch: Batch,
): void {
  const { batchId, organizationId, others = 0, at } = data;
  if (others === 0) return;
  const [id, dueAt] = [timerId('check-batch', batchId), later(at, CHECK_BATCH_MS)];
  batch.of(table).put({ id, kind: 'check-batch', stream, dueAt, organizationId, position });
}

const expiryOf = ({ executionId }: { readonly executionId: ExecutionId }) => ({
  id: timerId('expire-execution', executionId),
});

const attemptOf = ({ deliveryId }: DeliveryEvent['data']) => ({
  id: timerId('attempt-webhook', deliveryId),
});

function timer(
  kind: TimerKind,
  subject: string,
  { data, stream, position }: RecordedEvent<Exclude<TimedEvent, DeliveryEvent>>,
  dueAt: string,
): TimerRow {
  if (!('executionId' in data)) throw new Error(`${kind} is about no execution`);
  const { organizationId, executionId } = data;
  const id = timerId(kind, subject);
  return { id, kind, stream, dueAt, organizationId, executionId, position };
}

function fileTimer(
  kind: 'expire-file' | 'remove-file',
  { data, stream, position }: RecordedEvent<FileEvent>,
  dueAt: string,
): TimerRow {
  const { fileId, organizationId } = data;
  return { id: timerId(kind, fileId), kind, stream, dueAt, organizationId, fileId, position };
}

function webhookTimer(
  { data, stream, position }: RecordedEvent<DeliveryEvent>,
  dueAt: string,
  attempt: number,
): TimerRow {
  const { deliveryId, organizationId, executionId } = data;
  const kind = 'attempt-webhook';
  const id = timerId(kind, deliveryId);
  const about = executionId === undefined ? {} : { executionId };
  return { id, kind, stream, dueAt, organizationId, ...about, deliveryId, attempt, position };
}

const clear = (kind: TimerKind, subject: string, batch: Batch): void =>
  batch.of(table).remove({ id: timerId(kind, subject) });

const later = (at: string, ms: number): string => new Date(Date.parse(at) + ms).toISOString();
