/**
 * The bytes of a file, by whoever has its upload URL.
 *
 *   no such leave: 404 · its hour is over: 403 · used: 409 · no quota: 402 · too many bytes: 413
 *      └─► streamed into the store, counted and digested ─► FileUploaded ─► 200
 *
 * What breaks off leaves nothing. Bytes that came whole, but were not recorded before a crash, are
 * recorded when the same bytes come again, or when the file is confirmed.
 */
import type { Readable } from 'node:stream';
import { uploadedSchema } from '../../contracts/http/files.js';
import type { FileId, OrganizationId } from '../../contracts/ids.js';
import { uploadRefusal } from '../../domain/file/file.js';
import { OwnerErased } from '../../infra/files/errors.js';
import { linkIn } from '../../infra/files/links.js';
import type { NewFile } from '../../infra/files/port.js';
import { storedFile } from '../../infra/files/stored.js';
import { Refusal, type ApiRequest, type Reply, type Route } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { metadataOf } from '../command-metadata.js';
import { refused } from '../refusals.js';
import { countBytes, settleBytes, type CountedBytes } from './counted-bytes.js';
import { UPLOAD_BYTES_MAX, type UploadSlots } from './upload-slots.js';

export const putFilesUpload = (commands: Commands, slots: UploadSlots): Route => ({
  method: 'PUT',
  path: '/files/upload/{token}',
  operationId: 'uploadFileBytes',
  summary: 'Upload the bytes of a file',
  description:
    'The `upload_url` of a file: it takes up to 150 MB, once, within its hour, and needs no ' +
    'key. Nothing that the request declares about the bytes is looked at, but a form ' +
    '(`multipart/form-data`) is refused: send the bytes themselves.',
  tag: 'Files',
  audience: 'link',
  isDescribed: true,
  takesStream: true,
  replySchemas: { 200: uploadedSchema },
  refusals: ['NOT_FOUND', 'FORBIDDEN', 'CONFLICT', 'INSUFFICIENT_BALANCE', 'RATE_LIMITED'],
  handle: (request) => handle(commands, slots, request),
});

async function handle(
  commands: Commands,
  slots: UploadSlots,
  request: ApiRequest,
): Promise<Reply | Refusal> {
  const { fileRecords, now, secrets } = commands;
  const link = linkIn(secrets.fileLinkKey, 'upload', request.params['token'] ?? '');
  if (!link) return new Refusal('NOT_FOUND');
  if (isForm.test(request.header('content-type') ?? '')) return form();
  const { fileId } = link;
  const { state } = await fileRecords.load(fileId);
  const reason = uploadRefusal(state, new Date(now()).toISOString());
  if (reason !== undefined || state.status !== 'requested') return refused(reason ?? 'FileUnknown');
  const { organizationId } = state;
  const full = slots.take(organizationId);
  if (full) return full;
  try {
    return await upload(commands, request, { fileId, organizationId });
  } finally {
    slots.release(organizationId);
  }
}

const isForm = /^multipart\//i;

const form = (): Refusal =>
  new Refusal('INPUT_VALIDATION_ERROR', 'The headers are not valid.', [
    {
      field: 'content-type',
      code: 'unsupported',
      message: 'names a form: send the bytes of the file themselves',
    },
  ]);

interface Uploading {
  readonly fileId: FileId;
  readonly organizationId: OrganizationId;
}

async function upload(
  commands: Commands,
  request: ApiRequest,
  uploading: Uploading,
): Promise<Reply | Refusal> {
  const body = request.bodyStream(UPLOAD_BYTES_MAX);
  if (body instanceof Refusal) return body;
  try {
    return await take(commands, request, uploading, body);
  } finally {
    body.destroy();
  }
}

async function take(
  commands: Commands,
  request: ApiRequest,
  uploading: Uploading,
  body: Readable,
): Promise<Reply | Refusal> {
  const { quotas, storedBytes } = commands;
  const { organizationId } = uploading;
  const length = request.header('content-length');
  const announced = length === undefined ? undefined : Number(length);
  const { storageBytes: bytesMax } = quotas.of(organizationId);
  const counted = countBytes(body, announced, { storedBytes, organizationId, bytesMax });
  let isRecorded = false;
  try {
    const came = await store(commands, uploading, counted);
    if (came instanceof Refusal) return came;
    const refusal = await record(commands, request, uploading, came);
    if (refusal) return refusal;
    isRecorded = true;
    const { sizeBytes, sha256 } = came;
    return {
      status: 200,
      body: { file_id: uploading.fileId, size_bytes: sizeBytes, sha256 },
      logFields: { fileId: uploading.fileId, organizationId },
    };
  } finally {
    await settleBytes(commands, counted, isRecorded);
  }
}

/** An organization that was erased has no files, so it has no leave to upload one either. */
async function store(
  { files }: Commands,
  { fileId, organizationId }: Uploading,
  { bytes }: CountedBytes,
): Promise<NewFile | Refusal> {
  try {
    return await files.putNew(fileId, organizationId, bytes, UPLOAD_BYTES_MAX);
  } catch (error) {
    if (error instanceof OwnerErased) return refused('FileUnknown');
    throw error;
  }
}

/** Undefined once the log says that these bytes are the file's. */
async function record(
  { fileRecords, files, now }: Commands,
  request: ApiRequest,
  { fileId }: Uploading,
  { sizeBytes, sha256, isNew }: NewFile,
): Promise<Refusal | undefined> {
  if (!isNew) {
    const before = await storedFile(files, fileId);
    if (before?.sha256 !== sha256) return refused('UploadUsed');
  }
  const at = new Date(now()).toISOString();
  const command = { type: 'RecordUpload', sizeBytes, sha256, at } as const;
  const metadata = metadataOf(request, 'upload-url', fileId);
  const result = await fileRecords.transact(fileId, command, metadata);
  if (result.outcome !== 'rejected') return undefined;
  // It was deleted, or its hour ended, while its bytes came.
  if (isNew && result.reason === 'FileUnknown') await files.remove(fileId);
  return refused(result.reason);
}
