/** Files in the feed. `file.ready` has the body of `GET /v1/files/{id}`. */
import type { FileConfirmed, FileEvent, FileStored } from '../../contracts/events/file.js';
import { contentOf, fileBody } from '../file/view.js';
import {
  actorData,
  type FeedData,
  type Source,
  type FeedMapping,
  type FeedContent,
} from './feed-content.js';

export const fileEvents: FeedMapping<FileEvent> = {
  FileUploadRequested: (event) => {
    const { purpose, ttlDays, uploadExpiresAt } = event.data;
    const asked = { purpose, ttl_days: ttlDays, upload_expires_at: uploadExpiresAt };
    return content('file.upload_requested', event, { ...asked, ...actorData(event) });
  },
  FileUploaded: (event) => {
    const { sizeBytes, sha256 } = event.data;
    return content('file.uploaded', event, { size_bytes: sizeBytes, sha256 });
  },
  FileConfirmed: (event) => ready(event),
  FileStored: (event) => ready(event, event.data.executionId),
  FileDownloaded: (event) => {
    const { readers, others = 0, since } = event.data;
    const seen = readers.map(({ actor, ip, times }) => ({ actor, ip: ip ?? null, times }));
    return content('file.downloaded', event, { readers: seen, others, since });
  },
  FileDeleted: (event) => content('file.deleted', event, actorData(event)),
  FileExpired: (event) => content('file.expired', event),
  FileRemoved: (event) => content('file.removed', event),
};

const content = (
  type: FeedContent['type'],
  { data }: Source<FileEvent>,
  more: FeedData = {},
): FeedContent => ({
  type,
  subject: data.fileId,
  data: { file_id: data.fileId, ...more },
});

function ready(
  { data }: Source<FileConfirmed | FileStored>,
  executionId?: FileStored['data']['executionId'],
): FeedContent {
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
