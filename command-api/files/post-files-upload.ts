/** Leave to upload one file: its id, and the URL that takes its bytes. */
import { randomUUID } from 'node:crypto';
import {
  uploadFileSchema,
  uploadLeaveSchema,
  type UploadFileBody,
} from '../../contracts/http/files.js';
import type { FileId } from '../../contracts/ids.js';
import { linkToken } from '../../infra/files/links.js';
import type { ApiRequest, Caller, Refusal, Reply, Route } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { metadataOf } from '../command-metadata.js';
import { refused } from '../refusals.js';

export const postFilesUpload = (commands: Commands): Route => ({
  method: 'POST',
  path: '/files/upload',
  operationId: 'requestFileUpload',
  summary: 'Ask to upload a file',
  description:
    'Answers with a URL that takes the bytes of one file by `PUT`, without a key, within an ' +
    'hour. Then confirm the file. What was not confirmed by the end of the hour is deleted.',
  tag: 'Files',
  audience: 'tenant',
  permission: 'files:write',
  bodySchema: uploadFileSchema,
  replySchemas: { 200: uploadLeaveSchema },
  handle: (request, caller) => handle(commands, request, caller),
});

const UPLOAD_MS = 3_600_000;

async function handle(
  { addresses, fileRecords, now, quotas, secrets }: Commands,
  request: ApiRequest,
  { organizationId, keyId }: Caller,
): Promise<Reply | Refusal> {
  const { purpose, ttl_days: ttlDays } = request.body as UploadFileBody;
  const fileId: FileId = `file_${randomUUID()}`;
  const atMs = now();
  const uploadExpiresAt = new Date(atMs + UPLOAD_MS).toISOString();
  const command = {
    type: 'RequestUpload',
    fileId,
    organizationId,
    apiKeyId: keyId,
    purpose,
    ttlDays: ttlDays ?? quotas.of(organizationId).fileTtlDays,
    uploadExpiresAt,
    at: new Date(atMs).toISOString(),
  } as const;
  const result = await fileRecords.transact(fileId, command, metadataOf(request, keyId, fileId));
  if (result.outcome === 'rejected') return refused(result.reason);
  const token = linkToken(secrets.fileLinkKey, { use: 'upload', fileId });
  return {
    status: 200,
    body: {
      file_id: fileId,
      upload_url: `${addresses.publicUrl}/v1/files/upload/${token}`,
      expires_at: uploadExpiresAt,
    },
    logFields: { fileId },
  };
}
