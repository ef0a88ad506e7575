/** Every accepted execution as its owner sees it, and the labels that lists are filtered by. */
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { ExecutionEvent } from '../../contracts/events/execution.js';
import { foldExecution, isOver, type ExecutionView } from '../../domain/execution/view.js';
import {
  executionLabels,
  executions as table,
  labelOf,
  type LabelRow,
} from '../../infra/read-store/tables/executions.js';
import { projection, type Batch, type Rows } from '../engine/projection.js';

export const executions = projection<ExecutionEvent>(
  'executions',
  {
    version: 5,
    tables: [table, executionLabels],
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

type Labels = Rows<LabelRow, LabelRow>;

function labelNew(view: ExecutionView, labels: Labels): void {
  const { organizationId, body } = view;
  for (const label of statusLabels(view)) labels.create(labelled(view, label));
  for (const [name, value] of Object.entries(body.metadata))
    labels.create(labelled(view, labelOf(organizationId, 'metadata', name, value)));
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
