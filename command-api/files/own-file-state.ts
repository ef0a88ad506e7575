/** The state of a file that a request names, where it belongs to the caller. */
import { isId } from '../../contracts/ids.js';
import type * as File from '../../domain/file/file.js';
import type { Caller } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';

type Known = Exclude<File.State, { status: 'none' }>;

/** Undefined for a file of another tenant as for one that does not exist. */
export async function ownFileState(
  { fileRecords }: Pick<Commands, 'fileRecords'>,
  id: string,
  { organizationId }: Pick<Caller, 'organizationId'>,
): Promise<Known | undefined> {
  if (!isId('file', id)) return undefined;
  const { state } = await fileRecords.load(id);
  if (state.status === 'none' || state.organizationId !== organizationId) return undefined;
  return state;
}
