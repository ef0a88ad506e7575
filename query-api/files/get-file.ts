/** A file's description. */
import { fileSchema } from '../../contracts/http/files.js';
import { Refusal, type Route } from '../../http/server/route.js';
import type { Current } from '../executions/current.js';
import { ownFile, type StoredView } from './own-file.js';

export const getFile = (current: Current): Route => ({
  method: 'GET',
  path: '/files/{id}',
  summary: "Read a file's description",
  description: 'An uploaded file has one from its confirmation on.',
  tag: 'Files',
  audience: 'tenant',
  permission: 'files:read',
  replySchemas: { 200: fileSchema },
  refusals: ['NOT_FOUND'],
  async handle(request, caller) {
    const file = await ownFile(current, request, caller);
    return file ? { status: 200, body: bodyOf(file) } : new Refusal('NOT_FOUND');
  },
});

const bodyOf = ({ id, purpose, content, executionId, createdAt, expiresAt }: StoredView) => ({
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
