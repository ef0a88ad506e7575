/** The files of the repository as they are now, by their paths from its root, with `/`. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './child-process.js';

const SKIPPED = new Set(['node_modules', 'dist', 'data', '.git', 'out']);

/** Paths of all files below `folder`, but what is installed, built or made at run time. */
export function pathsBelow(folder = ''): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(join(repositoryRoot, folder), { withFileTypes: true })) {
    const path = folder ? `${folder}/${entry.name}` : entry.name;
    if (SKIPPED.has(entry.name)) continue;
    if (entry.isDirectory()) found.push(...pathsBelow(path));
    else if (entry.isFile()) found.push(path);
  }
  return found;
}

export const textOf = (path: string): string => readFileSync(join(repositoryRoot, path), 'utf8');
