/** The file that a request names, where it belongs to the caller. */
import { isId, type FileId } from '../../contracts/ids.js';
import type { FileRow } from '../../infra/read-store/tables/files.js';
import type { ApiRequest, Caller } from '../../http/server/route.js';
import type { Current } from '../executions/current.js';

/** Undefined for a file of another tenant as for one that does not exist. */
export async function ownFile(
  current: Current,
  { params }: ApiRequest,
  { organizationId }: Caller,
): Promise<FileRow | undefined> {
  const { id = '' } = params;
  if (!isId('file', id)) return undefined;
  const file = await current.file(id as FileId);
  return file?.organizationId === organizationId ? file : undefined;
}
