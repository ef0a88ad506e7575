/**
 * What was posted to the bucket becomes the bytes of a file (ADR 72):
 *
 *   none lies there: nothing to do · more than may: 413, and removed · no quota: 402
 *      └─► held: a copy that nobody else writes ─► counted, digested, described
 *             └─► FileUploaded ─► the same copy is what is stored
 *
 * Who comes second with other bytes is refused by the log, before anything of his is stored. What a
 * crash leaves between the event and the storing is done by the next confirmation, if the same
 * bytes lie there still.
 */
import type { FileContent } from '../../contracts/events/file.js';
import type * as File from '../../domain/file/file.js';
import type { CommandMetadata } from '../../command-handling/command-metadata.js';
import { isOutage } from '../../infra/event-store/outage.js';
import { bytesInStore } from '../../infra/files/byte-source.js';
import { describeFile } from '../../infra/files/describe-file.js';
import { FileGone, OwnerErased } from '../../infra/files/errors.js';
import type { HeldFile, PostedFile, PostedFiles } from '../../infra/files/posted-files.js';
import { storedFile } from '../../infra/files/stored.js';
import { Refusal } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { refused } from '../refusals.js';
import { reserveBytes, settleBytes } from './counted-bytes.js';
import { UPLOAD_BYTES_MAX, type UploadSlots } from './upload-slots.js';

type Uploading = Extract<File.State, { status: 'requested' | 'uploaded' }>;

interface Taking {
  readonly commands: Commands;
  readonly postedFiles: PostedFiles;
  readonly state: Uploading;
  readonly metadata: CommandMetadata;
}

/** Undefined where the bytes of the file are those that came to us, if any did. */
export async function takePostedFile(
  taking: Taking,
  slots: UploadSlots,
): Promise<FileContent | Refusal | undefined> {
  const { commands, postedFiles, state } = taking;
  const { fileId, organizationId } = state;
  const posted = await postedFiles.find(fileId);
  if (!posted) return (await isLost(commands, state)) ? refused('UploadUsed') : undefined;
  if (await isStored(commands, state)) return undefined;
  if (posted.sizeBytes > UPLOAD_BYTES_MAX) {
    await postedFiles.remove(fileId);
    return new Refusal('PAYLOAD_TOO_LARGE', `A file may have at most ${UPLOAD_BYTES_MAX} bytes.`);
  }
  const full = slots.take(organizationId);
  if (full) return full;
  try {
    return await takeCounted(taking, posted);
  } finally {
    slots.release(organizationId);
  }
}

/** Best effort: what stays is swept. */
export async function removeLeftOver(
  { log }: Pick<Commands, 'log'>,
  removing: Promise<void>,
): Promise<void> {
  try {
    await removing;
  } catch (err) {
    if (!isOutage(err)) throw err;
    log.warn({ err }, 'what was posted is not removed yet; it is swept later');
  }
}

/** The log names bytes that were never stored. */
const isLost = async ({ files }: Commands, { status, fileId }: Uploading): Promise<boolean> =>
  status === 'uploaded' && (await files.size(fileId)) === undefined;

async function isStored({ files }: Commands, state: Uploading): Promise<boolean> {
  if (state.status === 'requested') return (await files.size(state.fileId)) !== undefined;
  return (await storedFile(files, state.fileId))?.sha256 === state.bytes.sha256;
}

/** Those that the log names already are counted there. */
async function takeCounted(taking: Taking, posted: PostedFile): Promise<FileContent | Refusal> {
  const { commands, state } = taking;
  if (state.status === 'uploaded') return takeHeld(taking, posted, () => undefined);
  const { quotas, storedBytes } = commands;
  const { organizationId } = state;
  const { storageBytes: bytesMax } = quotas.of(organizationId);
  const quota = { storedBytes, organizationId, bytesMax };
  const counted = reserveBytes(posted.sizeBytes, quota);
  let isRecorded = false;
  try {
    return await takeHeld(taking, posted, () => (isRecorded = true));
  } finally {
    await settleBytes(commands, counted, isRecorded);
  }
}

async function takeHeld(
  taking: Taking,
  posted: PostedFile,
  recorded: () => void,
): Promise<FileContent | Refusal> {
  const { commands, postedFiles, state } = taking;
  const held = await postedFiles.hold(posted);
  if (!held) return refused('UploadChanged');
  try {
    const content = await contentOf(held, state);
    // Of a store that does not know the condition of a copy.
    if (content.sizeBytes !== posted.sizeBytes) return refused('UploadChanged');
    const refusal = await record(taking, content);
    if (refusal) return refusal;
    recorded();
    await held.keep(state.organizationId);
    return content;
  } catch (error) {
    if (error instanceof OwnerErased) return refused('FileUnknown');
    throw error;
  } finally {
    await removeLeftOver(commands, held.remove());
  }
}

async function contentOf(held: HeldFile, { fileId }: Uploading): Promise<FileContent> {
  const bytes = await storedFile(held, fileId);
  if (!bytes) throw new FileGone(fileId);
  const info = await describeFile(bytesInStore(held, fileId, bytes.sizeBytes));
  return { ...info, ...bytes };
}

async function record(
  { commands, state, metadata }: Taking,
  { sizeBytes, sha256 }: FileContent,
): Promise<Refusal | undefined> {
  const at = new Date(commands.now()).toISOString();
  const command = { type: 'RecordUpload', sizeBytes, sha256, at } as const;
  const result = await commands.fileRecords.transact(state.fileId, command, metadata);
  return result.outcome === 'rejected' ? refused(result.reason) : undefined;
}
