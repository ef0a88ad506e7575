/** Files in the feed. `file.ready` has the body of `GET /v1/files/{id}`. */
import type { FileConfirmed, FileEvent, FileStored } from '../../contracts/events/file.js';
import { contentOf, fileBody } from '../file/view.js';
import { doneBy, type FeedData, type Source, type Telling, type Told } from './told-event.js';

export const fileEvents: Telling<FileEvent> = {
  FileUploadRequested: (event) => {
    const { purpose, ttlDays, uploadExpiresAt } = event.data;
    const asked = { purpose, ttl_days: ttlDays, upload_expires_at: uploadExpiresAt };
    return told('file.upload_requested', event, { ...asked, ...doneBy(event) });
  },
  FileUploaded: (event) => {
    const { sizeBytes, sha256 } = event.data;
    return told('file.uploaded', event, { size_bytes: sizeBytes, sha256 });
  },
  FileConfirmed: (event) => ready(event),
  FileStored: (event) => ready(event, event.data.executionId),
  FileDownloaded: (event) => {
    const { readers, others = 0, since } = event.data;
    const seen = readers.map(({ actor, ip, times }) => ({ actor, ip: ip ?? null, times }));
    return told('file.downloaded', event, { readers: seen, others, since });
  },
  FileDeleted: (event) => told('file.deleted', event, doneBy(event)),
  FileExpired: (event) => told('file.expired', event),
  FileRemoved: (event) => told('file.removed', event),
};

const told = (type: Told['type'], { data }: Source<FileEvent>, more: FeedData = {}): Told => ({
  type,
  subject: data.fileId,
  data: { file_id: data.fileId, ...more },
});

function ready(
  { data }: Source<FileConfirmed | FileStored>,
  executionId?: FileStored['data']['executionId'],
): Told {
  const { fileId: id, organizationId, purpose, at: createdAt, expiresAt } = data;
  const view = {
    id,
    organizationId,
    status: 'stored' as const,
    purpose,
    content: contentOf(data),
    createdAt,
    ...(executionId !== undefined && { executionId }),
    ...(expiresAt !== undefined && { expiresAt }),
  };
  return { type: 'file.ready', subject: id, data: fileBody(view) };
}
