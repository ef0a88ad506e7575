/** The few file operations that the build needs. */
import { copyFile, mkdir as makeFolder, readdir, rm as remove } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Files below the folders with one of the endings, in order. */
export async function glob(folders, ...endings) {
  const found = [];
  for (const folder of folders) {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isFile() && endings.some((ending) => path.endsWith(ending))) found.push(path);
    }
  }
  return found.sort();
}

export const rm = (path) => remove(path, { recursive: true, force: true });
export const cp = (from, to) => copyFile(from, to);
/** The folder that a file of this path lies in. */
export const mkdir = (path) => makeFolder(dirname(path), { recursive: true });
