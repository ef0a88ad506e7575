import { isId, type FileId } from '../../contracts/ids.js';
import type { StoredName } from './objects.js';

const SUFFIX = { plain: '', encrypted: '.enc' } as const;

/**
 * `<two of the id>/<next two>/<id>`, with `.enc` where it is encrypted; below a folder and in a
 * bucket alike, so that files move from one to the other by copying. An id becomes a name here, so
 * nothing else may pass; random digits fan out evenly.
 */
export function fileKey({ id, form }: StoredName): string {
  if (!isId('file', id)) throw new Error(`not a file id: ${JSON.stringify(id).slice(0, 80)}`);
  const digits = id.slice('file_'.length);
  return `${digits.slice(0, 2)}/${digits.slice(2, 4)}/${id}${SUFFIX[form]}`;
}

/** The files that names in a folder are of, each once; other names are somebody else's. */
export function filesNamedIn(names: readonly string[]): readonly FileId[] {
  const ids = new Set<FileId>();
  for (const name of names) {
    const id = name.endsWith(SUFFIX.encrypted) ? name.slice(0, -SUFFIX.encrypted.length) : name;
    if (isId('file', id)) ids.add(id as FileId);
  }
  return [...ids];
}
