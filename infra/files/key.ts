import { isId, type FileId } from '../../contracts/ids.js';

/**
 * `<two of the id>/<next two>/<id>`, below a folder and in a bucket alike, so that files move from
 * one to the other by copying. An id becomes a name here, so nothing else may pass; random digits
 * fan out evenly.
 */
export function fileKey(id: FileId): string {
  if (!isId('file', id)) throw new Error(`not a file id: ${JSON.stringify(id).slice(0, 80)}`);
  const digits = id.slice('file_'.length);
  return `${digits.slice(0, 2)}/${digits.slice(2, 4)}/${id}`;
}
