/**
 * Every accepted execution as its owner sees it, the labels that lists are filtered by, and what
 * was charged by day: the day of the settlement, so that a range of usage and the same range of the
 * ledger's settlements have one sum.
 */
import type { HoldSettled } from '../../contracts/events/account.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { PayloadsErased } from '../../contracts/events/erasure.js';
import type { ExecutionEvent } from '../../contracts/events/execution.js';
import {
  erasedView,
  foldExecution,
  isOver,
  type ExecutionView,
} from '../../domain/execution/view.js';
import {
  executionLabels,
  executions as table,
  labelOf,
  type LabelRow,
} from '../../infra/read-store/tables/executions.js';
import { dayOf, usageDays } from '../../infra/read-store/tables/usage.js';
import { projection, type Batch, type Rows } from '../engine/projection.js';

export const executions = projection<ExecutionEvent | HoldSettled | PayloadsErased>(
  'executions',
  {
    version: 6,
    tables: [table, executionLabels, usageDays],
    plan: ({ type, data }, plan) => {
      const key = { id: data.executionId };
      if (type === 'ExecutionRequested') plan.creates(table, key);
      else plan.reads(table, key);
    },
  },
  {
    ExecutionRequested: (event, batch) => {
      const view = foldExecution(undefined, event);
      if (!view) return;
      const { revision, position } = event;
      batch.of(table).create({ id: view.body.id, view, revision, position });
      labelNew(view, batch.of(executionLabels));
    },
    ProviderDispatched: foldOn,
    ProviderAccepted: foldOn,
    ProviderSucceeded: foldOn,
    ProviderFailed: foldOn,
    ProviderOutcomeUnknown: foldOn,
    ExecutionCompleted: foldOn,
    ExecutionFailed: foldOn,
    ExecutionCancelled: foldOn,
    ExecutionExpired: foldOn,
    HoldSettled: charge,
    PayloadsErased: erase,
  },
);

/** An event after the terminal state changes nothing, not even the row's revision. */
function foldOn(event: RecordedEvent<ExecutionEvent>, batch: Batch): void {
  const row = batch.of(table).get({ id: event.data.executionId });
  if (!row || isOver(row.view.body.status)) return;
  const view = foldExecution(row.view, event);
  if (!view) return;
  const { revision, position } = event;
  batch.of(table).put({ id: view.body.id, view, revision, position });
  labelChanged(row.view, view, batch.of(executionLabels));
}

function erase({ data, position }: RecordedEvent<PayloadsErased>, batch: Batch): void {
  const row = batch.of(table).get({ id: data.executionId });
  if (!row) return;
  const view = erasedView(row.view, data.at);
  batch.of(table).put({ id: view.body.id, view, revision: row.revision, position });
}

/** What was paid for an execution that nobody has is paid all the same. */
function charge({ data }: RecordedEvent<HoldSettled>, batch: Batch): void {
  const { organizationId, executionId: id, charged: cost, at } = data;
  const view = batch.of(table).get({ id })?.view;
  const { model = '' } = view?.body ?? {};
  const key = { organizationId, day: dayOf(at), model, apiKeyId: view?.apiKeyId ?? '' } as const;
  batch.of(usageDays).add({ ...key, executions: 1n, cost });
  batch.of(table).release({ id });
}

type Labels = Rows<LabelRow, LabelRow>;

function labelNew(view: ExecutionView, labels: Labels): void {
  const { organizationId, body } = view;
  for (const label of statusLabels(view)) labels.create(labelled(view, label));
  for (const [name, value] of Object.entries(body.metadata))
    labels.create(labelled(view, labelOf(organizationId, 'metadata', name, value)));
  if (body.batch_id !== undefined)
    labels.create(labelled(view, labelOf(organizationId, 'batch', body.batch_id)));
}

/** What is dispatched as soon as it is accepted waits within one batch, and touches no table. */
function labelChanged(before: ExecutionView, view: ExecutionView, labels: Labels): void {
  if (before.body.status === view.body.status) return;
  const [had, has] = [statusLabels(before), statusLabels(view)];
  for (const label of had) if (!has.includes(label)) labels.remove(labelled(view, label));
  for (const label of has) if (!had.includes(label)) labels.create(labelled(view, label));
}

function statusLabels({ organizationId, body }: ExecutionView): readonly string[] {
  const { status, model } = body;
  switch (status) {
    case 'PENDING':
      return [labelOf(organizationId, 'status', status), labelOf(organizationId, 'waiting', model)];
    case 'PROCESSING':
    case 'AWAITING_WEBHOOK':
      return [labelOf(organizationId, 'running')];
    case 'COMPLETED':
      return [];
    case 'FAILED':
    case 'CANCELLED':
    case 'EXPIRED':
      return [labelOf(organizationId, 'status', status)];
  }
}

const labelled = ({ body }: ExecutionView, label: string): LabelRow => ({
  label,
  createdAt: body.created_at,
  executionId: body.id,
});
