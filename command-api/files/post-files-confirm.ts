/** What was uploaded becomes a file: what it is comes from its bytes, and from nothing else. */
import {
  confirmedFileSchema,
  confirmFileSchema,
  type ConfirmFileBody,
} from '../../contracts/http/files.js';
import type { FileContent } from '../../contracts/events/file.js';
import type { FileId } from '../../contracts/ids.js';
import type * as File from '../../domain/file/file.js';
import { bytesInStore } from '../../infra/files/byte-source.js';
import { describeFile } from '../../infra/files/describe-file.js';
import { storedFile } from '../../infra/files/stored.js';
import {
  Refusal,
  type ApiRequest,
  type Caller,
  type Reply,
  type Route,
} from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { metadataOf } from '../command-metadata.js';
import { refused } from '../refusals.js';
import { ownFileState } from './own-file-state.js';
import { removeLeftOver, takePostedFile } from './take-posted-file.js';
import type { UploadSlots } from './upload-slots.js';

export const postFilesConfirm = (commands: Commands, slots: UploadSlots): Route => ({
  method: 'POST',
  path: '/files/confirm',
  summary: 'Confirm an uploaded file',
  description:
    'From then on it may be an input, and be read; its URL takes nothing any more, and what is ' +
    'still posted with its form comes to nothing. A repeat gets the same answer.',
  tag: 'Files',
  audience: 'tenant',
  permission: 'files:write',
  bodySchema: confirmFileSchema,
  replySchemas: { 200: confirmedFileSchema },
  refusals: [
    'NOT_FOUND',
    'FORBIDDEN',
    'CONFLICT',
    'PAYLOAD_TOO_LARGE',
    'INSUFFICIENT_BALANCE',
    'RATE_LIMITED',
  ],
  handle: (request, caller) => handle(commands, slots, request, caller),
});

async function handle(
  commands: Commands,
  slots: UploadSlots,
  request: ApiRequest,
  caller: Caller,
): Promise<Reply | Refusal> {
  const { file_id: id } = request.body as ConfirmFileBody;
  const state = await ownFileState(commands, id, caller);
  if (!state) return new Refusal('NOT_FOUND');
  if (state.status === 'stored') return confirmed(state);
  if (state.status !== 'requested' && state.status !== 'uploaded') return new Refusal('NOT_FOUND');
  const at = new Date(commands.now()).toISOString();
  if (at >= state.uploadExpiresAt) return refused('UploadExpired');
  const metadata = metadataOf(request, caller.keyId, id);
  const { postedFiles } = commands;
  const taken = postedFiles
    ? await takePostedFile({ commands, postedFiles, state, metadata }, slots)
    : undefined;
  if (taken instanceof Refusal) return taken;
  const content = taken ?? (await contentIn(commands, state));
  if (!content) return refused('NotUploaded');
  const command = { type: 'Confirm', content, at } as const;
  const result = await commands.fileRecords.transact(state.fileId, command, metadata);
  if (result.outcome === 'rejected') {
    // It was deleted, or its hour ended, while its bytes were taken.
    if (taken && result.reason === 'FileUnknown') await commands.files.remove(state.fileId);
    return refused(result.reason);
  }
  if (result.state.status !== 'stored') throw new Error(`${id} was confirmed and is not stored`);
  if (postedFiles) await removeLeftOver(commands, postedFiles.remove(state.fileId));
  return confirmed(result.state);
}

type Uploading = Extract<File.State, { status: 'requested' | 'uploaded' }>;

/** Undefined where no bytes have come whole. */
async function contentIn({ files }: Commands, state: Uploading): Promise<FileContent | undefined> {
  const bytes = state.status === 'uploaded' ? state.bytes : await found(files, state.fileId);
  if (!bytes) return undefined;
  const info = await describeFile(bytesInStore(files, state.fileId, bytes.sizeBytes));
  return { ...info, ...bytes };
}

/** Of an upload that came whole before a crash kept it from being recorded. */
const found = async (files: Commands['files'], id: FileId) =>
  (await files.size(id)) === undefined ? undefined : storedFile(files, id);

const confirmed = ({
  fileId,
  content,
  expiresAt,
}: Extract<File.State, { status: 'stored' }>): Reply => ({
  status: 200,
  body: {
    file_id: fileId,
    content_type: content.contentType,
    size_bytes: content.sizeBytes,
    sha256: content.sha256,
    expires_at: expiresAt ?? null,
  },
  logFields: { fileId },
});
