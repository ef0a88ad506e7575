/** Files of organizations, from the leave to upload one until its bytes are removed. */
import type { FileContent } from '../../../contracts/events/file.js';
import type { ExecutionId, FileId } from '../../../contracts/ids.js';
import type { FileView } from '../../../domain/file/view.js';
import {
  amount,
  column,
  count,
  jsonOf,
  maybe,
  parsed,
  text,
  time,
  type Row,
  type Table,
} from '../table.js';

/** `revision` and `position` are of the last event that is in the view. */
export interface FileRow {
  readonly id: FileId;
  readonly view: FileView;
  readonly revision: number;
  readonly position: bigint;
}

export const files: Table<Pick<FileRow, 'id'>, FileRow> = {
  name: 'files',
  key: [column('id', 'text', ({ id }) => id)],
  rest: [
    column('organization_id', 'text', ({ view }) => view.organizationId),
    column('status', 'text', ({ view }) => view.status),
    column('execution_id', 'text', ({ view }) => view.executionId),
    column('purpose', 'text', ({ view }) => view.purpose),
    column('content_type', 'text', ({ view }) => view.content?.contentType),
    column('format', 'text', ({ view }) => view.content?.format),
    column('size_bytes', 'bigint', ({ view }) => view.content?.sizeBytes),
    column('sha256', 'text', ({ view }) => view.content?.sha256),
    column('width', 'integer', ({ view }) => view.content?.width),
    column('height', 'integer', ({ view }) => view.content?.height),
    column('duration_ms', 'bigint', ({ view }) => view.content?.durationMs),
    column('shape', 'json', ({ view }) => jsonOf(view.content?.shape)),
    column('created_at', 'timestamptz', ({ view }) => view.createdAt),
    column('expires_at', 'timestamptz', ({ view }) => view.expiresAt),
    column('revision', 'integer', ({ revision }) => revision),
    column('position', 'bigint', ({ position }) => position),
  ],
  idOf: ({ id }) => id,
  read: readFile,
};

export function readFile(row: Row): FileRow {
  const id: FileId = text(row, 'id');
  return {
    id,
    view: {
      id,
      organizationId: text(row, 'organization_id'),
      status: text(row, 'status'),
      purpose: text(row, 'purpose'),
      ...maybe(row, 'execution_id', 'executionId', text<ExecutionId>),
      ...maybe(row, 'sha256', 'content', readContent),
      createdAt: time(row, 'created_at'),
      ...maybe(row, 'expires_at', 'expiresAt', time),
    },
    revision: count(row, 'revision'),
    position: amount(row, 'position'),
  };
}

const readContent = (row: Row): FileContent => ({
  contentType: text(row, 'content_type'),
  format: text(row, 'format'),
  sizeBytes: count(row, 'size_bytes'),
  sha256: text(row, 'sha256'),
  ...maybe(row, 'width', 'width', count),
  ...maybe(row, 'height', 'height', count),
  ...maybe(row, 'duration_ms', 'durationMs', count),
  ...maybe(row, 'shape', 'shape', parsed<readonly number[]>),
});
