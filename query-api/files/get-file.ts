/** A file's description. */
import { fileSchema } from '../../contracts/http/files.js';
import type { FileRow } from '../../infra/read-store/tables/files.js';
import { Refusal, type Route } from '../../http/server/route.js';
import type { Current } from '../executions/current.js';
import { ownFile } from './own-file.js';

export const getFile = (current: Current): Route => ({
  method: 'GET',
  path: '/files/{id}',
  summary: "Read a file's description",
  tag: 'Files',
  audience: 'tenant',
  permission: 'EXECUTION_ONLY',
  replySchemas: { 200: fileSchema },
  refusals: ['NOT_FOUND'],
  async handle(request, caller) {
    const file = await ownFile(current, request, caller);
    return file ? { status: 200, body: fileBody(file) } : new Refusal('NOT_FOUND');
  },
});

const fileBody = (file: FileRow) => ({
  file_id: file.id,
  purpose: file.purpose,
  content_type: file.contentType,
  format: file.format,
  size_bytes: file.sizeBytes,
  sha256: file.sha256,
  width: file.width ?? null,
  height: file.height ?? null,
  execution_id: file.executionId,
  created_at: file.createdAt,
  expires_at: null,
});
