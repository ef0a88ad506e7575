/** A file as reads show it: what its events come to. */
import type { Timestamp } from '../../contracts/events/envelope.js';
import type {
  FileContent,
  FileEvent,
  FileStored,
  UploadPurpose,
} from '../../contracts/events/file.js';
import type { ExecutionId, FileId, OrganizationId } from '../../contracts/ids.js';

export interface FileView {
  readonly id: FileId;
  readonly organizationId: OrganizationId;
  /** `awaited`: not confirmed. `gone`: deleted or expired, though its bytes may still be there. */
  readonly status: 'awaited' | 'stored' | 'gone';
  readonly purpose: UploadPurpose | FileStored['data']['purpose'];
  /** Of an output. */
  readonly executionId?: ExecutionId;
  /** Of a stored file, and of one that was. */
  readonly content?: FileContent;
  /** When it was stored; before that, when it was asked for. */
  readonly createdAt: Timestamp;
  /** Absent where it is kept until somebody deletes it. */
  readonly expiresAt?: Timestamp;
}

/** Undefined before the first event, and once the bytes are removed. */
export function foldFile(view: FileView | undefined, event: FileEvent): FileView | undefined {
  const { fileId: id, organizationId, at } = event.data;
  switch (event.type) {
    case 'FileUploadRequested': {
      const { purpose, uploadExpiresAt: expiresAt } = event.data;
      return { id, organizationId, status: 'awaited', purpose, createdAt: at, expiresAt };
    }
    case 'FileStored':
    case 'FileConfirmed': {
      const { purpose, expiresAt } = event.data;
      const executionId = event.type === 'FileStored' ? event.data.executionId : undefined;
      return {
        id,
        organizationId,
        status: 'stored',
        purpose,
        ...(executionId !== undefined && { executionId }),
        content: contentOf(event.data),
        createdAt: at,
        ...(expiresAt !== undefined && { expiresAt }),
      };
    }
    case 'FileUploaded':
    case 'FileDownloaded':
      return view;
    case 'FileDeleted':
    case 'FileExpired':
      return view && { ...view, status: 'gone' };
    case 'FileRemoved':
      return undefined;
  }
}

/** Of whatever has its fields, those alone. */
export function contentOf(given: FileContent): FileContent {
  const { contentType, format, sizeBytes, sha256, width, height, durationMs, shape } = given;
  return {
    contentType,
    format,
    sizeBytes,
    sha256,
    ...(width !== undefined && { width }),
    ...(height !== undefined && { height }),
    ...(durationMs !== undefined && { durationMs }),
    ...(shape !== undefined && { shape }),
  };
}

/** The body of `GET /v1/files/{id}`, and `data` of `file.ready`. */
export const fileBody = ({
  id,
  purpose,
  content,
  executionId,
  createdAt,
  expiresAt,
}: FileView & { readonly content: FileContent }) => ({
  file_id: id,
  purpose,
  content_type: content.contentType,
  format: content.format,
  size_bytes: content.sizeBytes,
  sha256: content.sha256,
  width: content.width ?? null,
  height: content.height ?? null,
  duration_ms: content.durationMs ?? null,
  ...(content.shape && { shape: content.shape }),
  execution_id: executionId ?? null,
  created_at: createdAt,
  expires_at: expiresAt ?? null,
});
