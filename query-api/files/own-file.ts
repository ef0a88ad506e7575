/** The file that a request names, where it belongs to the caller. */
import { isId, type FileId } from '../../contracts/ids.js';
import type { FileContent } from '../../contracts/events/file.js';
import type { FileView } from '../../domain/file/view.js';
import type { ApiRequest, Caller } from '../../http/server/route.js';
import type { Current } from '../executions/current.js';

/** One that may be read. */
export type StoredView = FileView & { readonly status: 'stored'; readonly content: FileContent };

/** Undefined for a file of another tenant as for one that does not exist, or no longer. */
export async function ownFile(
  current: Current,
  { params }: ApiRequest,
  { organizationId }: Caller,
): Promise<StoredView | undefined> {
  const { id = '' } = params;
  if (!isId('file', id)) return undefined;
  const file = await current.file(id as FileId);
  return file?.organizationId === organizationId && isStored(file) ? file : undefined;
}

export const isStored = (file: FileView): file is StoredView =>
  file.status === 'stored' && file.content !== undefined;
