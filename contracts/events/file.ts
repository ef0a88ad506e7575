/**
 * The facts of a file that we keep for an organization.
 *
 *   FileUploadRequested ──► FileUploaded ──► FileConfirmed ──┐
 *            │                   │                           ├──► FileDeleted ──► FileRemoved
 *            └───────────────────┴──► FileExpired ──► …      │    FileExpired ──► FileRemoved
 *   FileStored (of an execution) ────────────────────────────┘
 *
 * Deleted and expired files are gone for everybody. Their bytes are removed behind that, once no
 * running execution uses them.
 */
import type { ApiKeyId, ExecutionId, FileId, OrganizationId } from '../ids.js';
import type { DomainEvent, EventSchema, Timestamp } from './envelope.js';
import {
  count,
  eventSchema,
  id,
  listOf,
  oneOf,
  record,
  size,
  text,
  timestamp,
} from './schema-parts.js';

/** What a caller uploads a file for; both may be inputs of executions. */
export type UploadPurpose = 'INPUT' | 'UPLOAD';

/** On every event of a file. */
interface FileFact {
  readonly fileId: FileId;
  readonly organizationId: OrganizationId;
  readonly at: Timestamp;
}

/** What the bytes themselves say. */
export interface FileContent {
  readonly contentType: string;
  readonly format: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly width?: number;
  readonly height?: number;
  readonly durationMs?: number;
  /** Of numbers: how many rows, and how many numbers each has. */
  readonly shape?: readonly number[];
}

/** The bytes lie in the file store under `fileId`; type, size and digest come from the bytes. */
export type FileStored = DomainEvent<
  'FileStored',
  FileFact &
    FileContent & {
      readonly executionId: ExecutionId;
      readonly purpose: 'OUTPUT';
      /** Absent where the file is kept until somebody deletes it. */
      readonly expiresAt?: Timestamp;
    }
>;

/** A caller may upload one file until `uploadExpiresAt`, and must have confirmed it by then. */
export type FileUploadRequested = DomainEvent<
  'FileUploadRequested',
  FileFact & {
    readonly apiKeyId: ApiKeyId;
    readonly purpose: UploadPurpose;
    /** How long the confirmed file is kept. */
    readonly ttlDays: number;
    readonly uploadExpiresAt: Timestamp;
  }
>;

/** The bytes came whole; nothing can be uploaded to the same URL any more. */
export type FileUploaded = DomainEvent<
  'FileUploaded',
  FileFact & { readonly sizeBytes: number; readonly sha256: string }
>;

/** The uploaded file may be used and read until `expiresAt`. */
export type FileConfirmed = DomainEvent<
  'FileConfirmed',
  FileFact & FileContent & { readonly purpose: UploadPurpose; readonly expiresAt: Timestamp }
>;

/** Who read the file how often. */
export interface FileReader {
  /** A key's id, or `link:<id of the key that asked for the link>`. */
  readonly actor: string;
  readonly ip?: string;
  readonly times: number;
}

/** The file was read by those: one of them, or all within a minute after such an event. */
export type FileDownloaded = DomainEvent<
  'FileDownloaded',
  FileFact & {
    readonly readers: readonly FileReader[];
    /** Times beyond the readers that are named. */
    readonly others?: number;
    readonly since: Timestamp;
  }
>;

/** Its owner deleted the file. `sizeBytes` is what it took; 0 where nothing was uploaded. */
export type FileDeleted = DomainEvent<'FileDeleted', FileFact & { readonly sizeBytes: number }>;

/** The time of the file, or of its upload, is up. */
export type FileExpired = DomainEvent<'FileExpired', FileFact & { readonly sizeBytes: number }>;

/** Its bytes are no longer in the file store. */
export type FileRemoved = DomainEvent<'FileRemoved', FileFact>;

export type FileEvent =
  | FileStored
  | FileUploadRequested
  | FileUploaded
  | FileConfirmed
  | FileDownloaded
  | FileDeleted
  | FileExpired
  | FileRemoved;

/** How long one file may be uploaded, from the leave to do so. */
export const UPLOAD_LEAVE_MS = 3_600_000;

/** The longest that a file may be kept by its own wish. */
export const TTL_DAYS_MAX = 365;

const fact = { fileId: id('file'), organizationId: id('org'), at: timestamp };

const sha256 = { type: 'string', pattern: '^[0-9a-f]{64}$' };

const content = {
  contentType: text,
  format: text,
  sizeBytes: size,
  sha256,
  'width?': count,
  'height?': count,
  'durationMs?': size,
  'shape?': listOf(size),
};

export const fileSchemas: Record<FileEvent['type'], EventSchema> = {
  FileStored: eventSchema('The bytes are kept under the file id.', {
    ...fact,
    ...content,
    executionId: id('exec'),
    purpose: oneOf('OUTPUT'),
    'expiresAt?': timestamp,
  }),
  FileUploadRequested: eventSchema('One file may be uploaded.', {
    ...fact,
    apiKeyId: id('key'),
    purpose: oneOf('INPUT', 'UPLOAD'),
    ttlDays: count,
    uploadExpiresAt: timestamp,
  }),
  FileUploaded: eventSchema('The bytes came whole.', { ...fact, sizeBytes: size, sha256 }),
  FileConfirmed: eventSchema('The uploaded file may be used and read.', {
    ...fact,
    ...content,
    purpose: oneOf('INPUT', 'UPLOAD'),
    expiresAt: timestamp,
  }),
  FileDownloaded: eventSchema('The file was read.', {
    ...fact,
    readers: listOf(record({ actor: text, 'ip?': text, times: count })),
    'others?': count,
    since: timestamp,
  }),
  FileDeleted: eventSchema('Its owner deleted the file.', { ...fact, sizeBytes: size }),
  FileExpired: eventSchema('The time of the file, or of its upload, is up.', {
    ...fact,
    sizeBytes: size,
  }),
  FileRemoved: eventSchema('Its bytes are no longer stored.', fact),
};
