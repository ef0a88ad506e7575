/**
 * `readmodel.executions`: columns for what lists filter and sort by, and the public body as one
 * document. Beside it the labels that lists are filtered by.
 */
import { hash } from 'node:crypto';
import type { Timestamp } from '../../../contracts/events/envelope.js';
import type { PayloadRef } from '../../../contracts/events/execution.js';
import type { ApiKeyId, ExecutionId, OrganizationId } from '../../../contracts/ids.js';
import {
  isOver,
  type ExecutionBody,
  type ExecutionView,
  type PublicStatus,
} from '../../../domain/execution/view.js';
import {
  amount,
  column,
  columnsOf,
  count,
  jsonOf,
  maybe,
  parsed,
  text,
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
    column('model', 'text', ({ view }) => view.body.model),
    column('status', 'text', ({ view }) => view.body.status),
    column('created_at', 'timestamptz', ({ view }) => view.body.created_at),
    column('output', 'json', ({ view }) => jsonOf(view.output)),
    column('body', 'json', ({ view }) => jsonOf(view.body)),
    column('revision', 'integer', ({ revision }) => revision),
    column('position', 'bigint', ({ position }) => position),
  ],
  idOf: ({ id }) => id,
  read: (row) => ({
    id: text(row, 'id'),
    view: viewOf(readExecution(row)),
    revision: count(row, 'revision'),
    position: amount(row, 'position'),
  }),
  // The settlement of a completed one is still to come.
  isFinal: ({ view }) => isOver(view.body.status) && view.body.status !== 'COMPLETED',
};

/** An execution as readers get it: the public body is JSON text, sent as it is. */
export interface StoredExecution {
  readonly organizationId: OrganizationId;
  readonly apiKeyId?: ApiKeyId;
  readonly status: PublicStatus;
  readonly output?: PayloadRef;
  readonly bodyText: string;
  /** Of the last event that is in the body. */
  readonly revision: number;
}

/** The columns of the key and of `readExecution`. */
export const storedColumns = columnsOf(executions).filter(({ name }) =>
  ['id', 'organization_id', 'api_key_id', 'status', 'output', 'body', 'revision'].includes(name),
);

export const readExecution = (row: Row): StoredExecution => ({
  organizationId: text(row, 'organization_id'),
  ...maybe(row, 'api_key_id', 'apiKeyId', text<ApiKeyId>),
  status: text(row, 'status'),
  ...maybe(row, 'output', 'output', parsed<PayloadRef>),
  bodyText: text(row, 'body'),
  revision: count(row, 'revision'),
});

export function viewOf({ organizationId, apiKeyId, output, bodyText }: StoredExecution) {
  const body = JSON.parse(bodyText) as ExecutionBody;
  const view: ExecutionView = { organizationId, body };
  return { ...view, ...(apiKeyId && { apiKeyId }), ...(output && { output }) };
}

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
 * The labels of an organization's execution: `status` (but that of COMPLETED is too common to be
 * worth an entry, and those of dispatched ones change too often), `running` (dispatched), `waiting`
 * (PENDING, by model), `batch` and `metadata` (a pair).
 */
export function labelOf(
  organizationId: OrganizationId,
  kind: 'running' | 'waiting' | 'status' | 'batch' | 'metadata',
  name = '',
  value = '',
): string {
  const content = JSON.stringify([organizationId, kind, name, value]);
  return hash('sha256', content, 'hex').slice(0, 32);
}
