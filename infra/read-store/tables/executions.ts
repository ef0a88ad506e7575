/** `readmodel.executions` and the labels that lists of them are filtered by. */
import { hash } from 'node:crypto';
import type { Timestamp } from '../../../contracts/events/envelope.js';
import type { ExecutionId, OrganizationId } from '../../../contracts/ids.js';
import { isOver, type ExecutionView } from '../../../domain/execution/view.js';
import {
  amount,
  column,
  count,
  json,
  jsonOf,
  maybe,
  text,
  time,
  type Row,
  type Table,
} from '../table.js';

/** `revision` and `position` are of the last event that is in the view. */
export interface ExecutionRow {
  readonly id: ExecutionId;
  readonly view: ExecutionView;
  readonly revision: number;
  readonly position: bigint;
}

export const executions: Table<{ readonly id: ExecutionId }, ExecutionRow> = {
  name: 'executions',
  key: [column('id', 'text', ({ id }) => id)],
  rest: [
    column('organization_id', 'text', ({ view }) => view.organizationId),
    column('api_key_id', 'text', ({ view }) => view.apiKeyId),
    column('model', 'text', ({ view }) => view.model),
    column('modality', 'text', ({ view }) => view.modality),
    column('status', 'text', ({ view }) => view.status),
    column('estimated_cost_micros', 'bigint', ({ view }) => view.estimatedCost),
    column('hold_micros', 'bigint', ({ view }) => view.holdAmount),
    column('cost_micros', 'bigint', ({ view }) => view.cost),
    column('latency_ms', 'bigint', ({ view }) => view.latencyMs),
    column('created_at', 'timestamptz', ({ view }) => view.createdAt),
    column('expires_at', 'timestamptz', ({ view }) => view.expiresAt),
    column('started_at', 'timestamptz', ({ view }) => view.startedAt),
    column('completed_at', 'timestamptz', ({ view }) => view.completedAt),
    column('metadata', 'json', ({ view }) => jsonOf(view.metadata)),
    column('summary', 'json', ({ view }) => jsonOf(view.summary)),
    column('output', 'json', ({ view }) => jsonOf(view.output)),
    column('error', 'json', ({ view }) => jsonOf(view.error)),
    column('revision', 'integer', ({ revision }) => revision),
    column('position', 'bigint', ({ position }) => position),
  ],
  idOf: ({ id }) => id,
  read: readExecution,
  isFinal: ({ view }) => isOver(view.status),
};

export interface LabelRow {
  readonly label: string;
  readonly createdAt: Timestamp;
  readonly executionId: ExecutionId;
}

export const executionLabels: Table<LabelRow, LabelRow> = {
  name: 'execution_labels',
  key: [
    column('label', 'uuid', ({ label }) => label),
    column('created_at', 'timestamptz', ({ createdAt }) => createdAt),
    column('execution_id', 'text', ({ executionId }) => executionId),
  ],
  rest: [],
  idOf: ({ label, executionId }) => label + executionId,
};

/**
 * What an execution of an organization can be found by: `open` (not over), `status` (of those that
 * are over, all but COMPLETED: too common to be worth an entry) and `metadata` (a pair).
 */
export function labelOf(
  organizationId: OrganizationId,
  kind: 'open' | 'status' | 'metadata',
  name = '',
  value = '',
): string {
  const content = JSON.stringify([organizationId, kind, name, value]);
  return hash('sha256', content, 'hex').slice(0, 32);
}

export function readExecution(row: Row): ExecutionRow {
  const id = text<ExecutionId>(row, 'id');
  const view: ExecutionView = {
    id,
    organizationId: text(row, 'organization_id'),
    apiKeyId: text(row, 'api_key_id'),
    model: text(row, 'model'),
    modality: text(row, 'modality'),
    status: text(row, 'status'),
    estimatedCost: amount(row, 'estimated_cost_micros'),
    holdAmount: amount(row, 'hold_micros'),
    ...maybe(row, 'cost_micros', 'cost', amount),
    ...maybe(row, 'latency_ms', 'latencyMs', count),
    createdAt: time(row, 'created_at'),
    expiresAt: time(row, 'expires_at'),
    ...maybe(row, 'started_at', 'startedAt', time),
    ...maybe(row, 'completed_at', 'completedAt', time),
    metadata: json(row, 'metadata'),
    ...maybe(row, 'summary', 'summary', json<NonNullable<ExecutionView['summary']>>),
    ...maybe(row, 'output', 'output', json<NonNullable<ExecutionView['output']>>),
    ...maybe(row, 'error', 'error', json<NonNullable<ExecutionView['error']>>),
  };
  return { id, view, revision: count(row, 'revision'), position: amount(row, 'position') };
}
