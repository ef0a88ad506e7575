/** The facts of a file that we keep for an organization. */
import type { ExecutionId, FileId, OrganizationId } from '../ids.js';
import type { DomainEvent, EventSchema, Timestamp } from './envelope.js';
import { count, eventSchema, id, listOf, oneOf, size, text, timestamp } from './schema-parts.js';

/** The bytes lie in the file store under `fileId`; type, size and digest come from the bytes. */
export type FileStored = DomainEvent<
  'FileStored',
  {
    readonly fileId: FileId;
    readonly organizationId: OrganizationId;
    readonly executionId: ExecutionId;
    readonly purpose: 'OUTPUT';
    readonly contentType: string;
    readonly format: string;
    readonly sizeBytes: number;
    readonly sha256: string;
    readonly width?: number;
    readonly height?: number;
    readonly durationMs?: number;
    /** Of numbers: how many rows, and how many numbers each has. */
    readonly shape?: readonly number[];
    readonly at: Timestamp;
  }
>;

export type FileEvent = FileStored;

export const fileSchemas: Record<FileEvent['type'], EventSchema> = {
  FileStored: eventSchema('The bytes are kept under the file id.', {
    fileId: id('file'),
    organizationId: id('org'),
    executionId: id('exec'),
    purpose: oneOf('OUTPUT'),
    contentType: text,
    format: text,
    sizeBytes: size,
    sha256: { type: 'string', pattern: '^[0-9a-f]{64}$' },
    'width?': count,
    'height?': count,
    'durationMs?': size,
    'shape?': listOf(size),
    at: timestamp,
  }),
};
