/**
 * The auditor of the log: every event once, in order, against its own bookkeeping. It decides
 * nothing, writes nothing and asks no code that it is to judge; what the read models say is
 * compared when it comes to the position at which they were read.
 */
import type { AnyEvent } from '../contracts/events/all.js';
import type { RecordedEvent } from '../contracts/events/envelope.js';
import { streamOf } from '../contracts/streams.js';
import { feedOf } from '../domain/feed/feed-event.js';
import { auditAccountEvent, auditMovementEvent } from './invariants/accounts.js';
import { auditBatchEvent } from './invariants/batches.js';
import { auditDeliveryEvent } from './invariants/deliveries.js';
import { auditExecutionEvent } from './invariants/executions.js';
import { auditEndpointEvent } from './invariants/webhook-endpoints.js';
import { auditPricesPublished } from './invariants/prices.js';
import { openOrder, type Order } from './invariants/order.js';
import type { Findings } from './findings.js';
import { dropIfDone, openItems, type OpenItems } from './open-items.js';
import { findOverdue, type Moment } from './overdue.js';

/** Something to be compared once everything up to the position was seen, and nothing behind it. */
export interface Comparison {
  readonly position: bigint;
  compare(open: OpenItems): void;
}

export interface Audit {
  readonly see: (event: RecordedEvent<AnyEvent>) => void;
  /** Call at the end of the log: finds the items that should have ended by then. */
  readonly end: (moment: Moment) => void;
  readonly open: OpenItems;
}

export function openAudit(findings: Findings, comparisons: readonly Comparison[] = []): Audit {
  const open = openItems(findings);
  const order = openOrder(findings);
  const due = [...comparisons].sort((a, b) => (a.position < b.position ? -1 : 1));
  const compareBefore = (position: bigint | undefined): void => {
    while (due[0] && (position === undefined || due[0].position < position))
      due.shift()?.compare(open);
  };
  return {
    see(event) {
      compareBefore(event.position);
      open.counts.events += 1;
      const owner = feedOf(event);
      if (owner !== undefined) open.fed.set(owner, (open.fed.get(owner) ?? 0) + 1);
      if (order.fits(event)) auditEvent(open, order, event);
    },
    end(moment) {
      compareBefore(undefined);
      findOverdue(open, moment);
    },
    open,
  };
}

/** Of these no invariant speaks. */
const UNAUDITED = [
  'ApiKeyChanged',
  'ApiKeyRequestRateSet',
  'ApiKeyRotated',
  'ApiKeySecretAdded',
  'CatalogueTookEffect',
  'OrganizationRequirementsSet',
  'RecoveryRequested',
  'RecoveryFinished',
  'WebhooksSetUp',
  'WebhookTestRequested',
  'OperationRequested',
  'OperatorKeyCreated',
  'OperatorKeyRevoked',
  'OrganizationCreated',
  'OrganizationErased',
  'OrganizationQuotasSet',
  'ApiKeyGranted',
  'ApiKeyWithdrawn',
  'ApiKeyCreated',
  'ApiKeyRevoked',
  'FileStored',
  'FileUploadRequested',
  'FileUploaded',
  'FileConfirmed',
  'FileDownloaded',
  'FileDeleted',
  'FileExpired',
  'ProviderCircuitOpened',
  'ProviderCircuitClosed',
  'ProviderCallbackReceived',
  'ProviderAnsweredLate',
] as const;

type Unaudited = (typeof UNAUDITED)[number];

const isUnaudited = (
  event: RecordedEvent<AnyEvent>,
): event is Extract<RecordedEvent<AnyEvent>, { type: Unaudited }> =>
  (UNAUDITED as readonly string[]).includes(event.type);

function auditEvent(open: OpenItems, order: Order, event: RecordedEvent<AnyEvent>): void {
  if (isUnaudited(event)) return;
  switch (event.type) {
    case 'FundsDeposited':
    case 'FundsAdjusted':
    case 'HoldPlaced':
    case 'HoldSettled':
    case 'HoldReleased':
    case 'SpendingGuardSet':
    case 'BalanceAlertSet':
    case 'BalanceRanLow':
      return finish(open, order, auditAccountEvent(open, event));
    case 'MovementRecorded':
      return auditMovementEvent(open, event);
    case 'PricesPublished':
      return auditPricesPublished(open, event);
    case 'ExecutionRequested':
    case 'ExecutionAbandoned':
    case 'ProviderDispatched':
    case 'ProviderAccepted':
    case 'ProviderSucceeded':
    case 'ProviderFailed':
    case 'ProviderOutcomeUnknown':
    case 'ExecutionCompleted':
    case 'ExecutionFailed':
    case 'ExecutionCancelled':
    case 'ExecutionExpired':
      return finish(open, order, auditExecutionEvent(open, event));
    case 'BatchSubmitted':
    case 'BatchExtended':
    case 'BatchCancelRequested':
    case 'BatchCompleted':
      return auditBatchEvent(open, event);
    case 'DeliveryScheduled':
      return finish(open, order, auditDeliveryEvent(open, event));
    case 'DeliverySucceeded':
    case 'DeliveryExhausted':
    case 'DeliveryStopped':
      auditDeliveryEvent(open, event);
      return order.forget(event.stream);
    case 'DeliveryAttemptFailed':
    case 'RedeliveryRequested':
      return void auditDeliveryEvent(open, event);
    case 'WebhookEndpointRegistered':
    case 'WebhookEndpointChanged':
    case 'WebhookEndpointSecretRotated':
    case 'WebhookEndpointDisabled':
    case 'WebhookEndpointEnabled':
    case 'WebhookEndpointDeleted':
    case 'SigningSecretRotated':
      for (const execution of auditEndpointEvent(open, event)) finish(open, order, execution);
      return undefined;
    case 'FileRemoved':
    case 'PayloadsErased':
      return order.forget(event.stream);
  }
}

function finish(
  open: OpenItems,
  order: Order,
  execution: ReturnType<typeof auditAccountEvent>,
): void {
  if (execution && dropIfDone(open, execution)) order.forget(streamOf('execution', execution.id));
}
