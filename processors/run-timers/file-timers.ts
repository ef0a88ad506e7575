/**
 * The end of files.
 *
 *   expire-file ─► used by an execution that runs: later ─► FileExpired
 *   remove-file ─► used by an execution that runs: later ─► bytes removed ─► FileRemoved
 *
 * An execution that was accepted before its file went keeps the bytes to its own end. Which
 * executions run is read in the projection of timers, behind everything that the log had when the
 * bytes were to be removed.
 */
import type { CommandMetadata } from '../../command-handling/command-metadata.js';
import { isFileInUse, type DueTimer } from '../../infra/read-store/timers.js';
import type { Infra } from '../../runtime/infra.js';
import type { Fired } from './fired.js';

type ExpireFile = Extract<DueTimer, { kind: 'expire-file' }>;
type RemoveFile = Extract<DueTimer, { kind: 'remove-file' }>;

/** Executions last from seconds to days. */
const IN_USE_PAUSE_MS = 2_000;
const CATCH_UP_MS = 1_000;

export async function expireFile(
  { fileRecords, readStore, now }: Infra,
  { fileId, organizationId }: ExpireFile,
  metadata: CommandMetadata,
): Promise<Fired> {
  if (await isFileInUse(readStore, organizationId, fileId))
    return { outcome: 'in_use', againInMs: IN_USE_PAUSE_MS };
  const command = { type: 'Expire', at: new Date(now()).toISOString() } as const;
  const result = await fileRecords.transact(fileId, command, metadata);
  return { outcome: result.outcome === 'rejected' ? result.reason : result.outcome };
}

/** A crash between the two is repeated: what is removed may be removed again. */
export async function removeFile(
  { files, fileRecords, postedFiles, progress, readStore, store, now }: Infra,
  { fileId, organizationId }: RemoveFile,
  metadata: CommandMetadata,
): Promise<Fired> {
  const { state } = await fileRecords.load(fileId);
  if (state.status !== 'gone') return { outcome: `already_${state.status}` };
  if (!(await progress.passed('timers', await store.head(), CATCH_UP_MS)))
    return { outcome: 'behind', againInMs: CATCH_UP_MS };
  if (await isFileInUse(readStore, organizationId, fileId))
    return { outcome: 'in_use', againInMs: IN_USE_PAUSE_MS };
  await Promise.all([files.remove(fileId), postedFiles?.remove(fileId)]);
  const command = { type: 'RecordRemoval', at: new Date(now()).toISOString() } as const;
  const result = await fileRecords.transact(fileId, command, metadata);
  return { outcome: result.outcome === 'rejected' ? result.reason : result.outcome };
}
