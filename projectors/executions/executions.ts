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
    version: 4,
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
  labels.create(labelled(view, labelOf(organizationId, 'open')));
  labels.create(labelled(view, waitingLabel(view)));
  for (const [name, value] of Object.entries(body.metadata))
    labels.create(labelled(view, labelOf(organizationId, 'metadata', name, value)));
}

/** What is dispatched as soon as it is accepted waits within one batch, and touches no table. */
function labelChanged(before: ExecutionView, view: ExecutionView, labels: Labels): void {
  const [waited, waits] = [before, view].map(({ body }) => body.status === 'PENDING');
  if (waited && !waits) labels.remove(labelled(view, waitingLabel(view)));
  if (!waited && waits) labels.create(labelled(view, waitingLabel(view)));
  if (isOver(view.body.status)) labelOver(view, labels);
}

const waitingLabel = ({ organizationId, body }: ExecutionView): string =>
  labelOf(organizationId, 'waiting', body.model);

function labelOver(view: ExecutionView, labels: Labels): void {
  const { organizationId, body } = view;
  labels.remove(labelled(view, labelOf(organizationId, 'open')));
  if (body.status !== 'COMPLETED')
    labels.create(labelled(view, labelOf(organizationId, 'status', body.status)));
}

const labelled = ({ body }: ExecutionView, label: string): LabelRow => ({
  label,
  createdAt: body.created_at,
  executionId: body.id,
});
