/** Files that are kept for organizations. */
import type { Timestamp } from '../../../contracts/events/envelope.js';
import type { FileStored } from '../../../contracts/events/file.js';
import type { ExecutionId, FileId, OrganizationId } from '../../../contracts/ids.js';
import { amount, column, count, maybe, text, time, type Row, type Table } from '../table.js';

export interface FileRow {
  readonly id: FileId;
  readonly organizationId: OrganizationId;
  readonly executionId: ExecutionId;
  readonly purpose: FileStored['data']['purpose'];
  readonly contentType: string;
  readonly format: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly width?: number;
  readonly height?: number;
  readonly createdAt: Timestamp;
  readonly position: bigint;
}

export const files: Table<Pick<FileRow, 'id'>, FileRow> = {
  name: 'files',
  key: [column('id', 'text', ({ id }) => id)],
  rest: [
    column('organization_id', 'text', ({ organizationId }) => organizationId),
    column('execution_id', 'text', ({ executionId }) => executionId),
    column('purpose', 'text', ({ purpose }) => purpose),
    column('content_type', 'text', ({ contentType }) => contentType),
    column('format', 'text', ({ format }) => format),
    column('size_bytes', 'bigint', ({ sizeBytes }) => sizeBytes),
    column('sha256', 'text', ({ sha256 }) => sha256),
    column('width', 'integer', ({ width }) => width),
    column('height', 'integer', ({ height }) => height),
    column('created_at', 'timestamptz', ({ createdAt }) => createdAt),
    column('position', 'bigint', ({ position }) => position),
  ],
  idOf: ({ id }) => id,
};

export const readFile = (row: Row): FileRow => ({
  id: text(row, 'id'),
  organizationId: text(row, 'organization_id'),
  executionId: text(row, 'execution_id'),
  purpose: text(row, 'purpose'),
  contentType: text(row, 'content_type'),
  format: text(row, 'format'),
  sizeBytes: count(row, 'size_bytes'),
  sha256: text(row, 'sha256'),
  ...maybe(row, 'width', 'width', count),
  ...maybe(row, 'height', 'height', count),
  createdAt: time(row, 'created_at'),
  position: amount(row, 'position'),
});

export const fileOf = (data: FileStored['data'], position: bigint): FileRow => ({
  id: data.fileId,
  organizationId: data.organizationId,
  executionId: data.executionId,
  purpose: data.purpose,
  contentType: data.contentType,
  format: data.format,
  sizeBytes: data.sizeBytes,
  sha256: data.sha256,
  ...(data.width !== undefined && { width: data.width }),
  ...(data.height !== undefined && { height: data.height }),
  createdAt: data.at,
  position,
});
