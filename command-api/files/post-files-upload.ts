/** Leave to upload one file: its id, and the URL that takes its bytes. */
import { randomUUID } from 'node:crypto';
import {
  uploadFileSchema,
  uploadLeaveSchema,
  type UploadFileBody,
} from '../../contracts/http/files.js';
import { UPLOAD_LEAVE_MS } from '../../contracts/events/file.js';
import type { FileId, OrganizationId } from '../../contracts/ids.js';
import { linkToken } from '../../infra/files/links.js';
import { awaitedFiles } from '../../infra/read-store/awaited-files.js';
import type { ApiRequest, Caller, Refusal, Reply, Route } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { metadataOf } from '../command-metadata.js';
import { refused } from '../refusals.js';
import { UPLOAD_BYTES_MAX } from './upload-slots.js';

export const postFilesUpload = (commands: Commands): Route => ({
  method: 'POST',
  path: '/files/upload',
  operationId: 'requestFileUpload',
  summary: 'Ask to upload a file',
  description:
    'Answers with a URL that takes the bytes of one file by `PUT`, without a key, within an ' +
    'hour. Then confirm the file. What was not confirmed by the end of the hour is deleted.\n\n' +
    'Where the operator lets you reach the store itself there is an `upload_form` too: use ' +
    'either. It is left out while so many files of your organization are awaited that they ' +
    'could fill its storage.',
  tag: 'Files',
  audience: 'tenant',
  permission: 'files:write',
  bodySchema: uploadFileSchema,
  replySchemas: { 200: uploadLeaveSchema },
  handle: (request, caller) => handle(commands, request, caller),
});

async function handle(
  commands: Commands,
  request: ApiRequest,
  { organizationId, keyId }: Caller,
): Promise<Reply | Refusal> {
  const { addresses, fileRecords, now, quotas, secrets } = commands;
  const { purpose, ttl_days: ttlDays } = request.body as UploadFileBody;
  const fileId: FileId = `file_${randomUUID()}`;
  const atMs = now();
  const uploadExpiresAt = new Date(atMs + UPLOAD_LEAVE_MS).toISOString();
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
  const form = await formFor(commands, organizationId, fileId);
  const result = await fileRecords.transact(fileId, command, metadataOf(request, keyId, fileId));
  if (result.outcome === 'rejected') return refused(result.reason);
  const token = linkToken(secrets.fileLinkKey, { use: 'upload', fileId });
  return {
    status: 200,
    body: {
      file_id: fileId,
      upload_url: `${addresses.publicUrl}/v1/files/upload/${token}`,
      ...(form && { upload_form: form }),
      expires_at: uploadExpiresAt,
    },
    logFields: { fileId },
  };
}

/**
 * What was posted counts for the quota once it is confirmed. Until then as much may lie in the
 * bucket as the quota has once more, so no more forms are given at a time.
 */
async function formFor(
  { postedFiles, quotas, readStore }: Commands,
  organizationId: OrganizationId,
  fileId: FileId,
) {
  if (!postedFiles) return undefined;
  const { storageBytes } = quotas.of(organizationId);
  const sizeBytesMax = Math.min(UPLOAD_BYTES_MAX, storageBytes);
  const formsMax = Math.max(1, Math.floor(storageBytes / UPLOAD_BYTES_MAX));
  if ((await awaitedFiles(readStore, organizationId, formsMax)) >= formsMax) return undefined;
  const form = await postedFiles.formFor(fileId, sizeBytesMax, UPLOAD_LEAVE_MS / 1_000);
  return { method: 'POST', ...form, size_bytes_max: sizeBytesMax } as const;
}
