/** The files of a folder in which they lie two levels deep, by age. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { unless } from './durable-folder.js';

const level = /^[0-9a-f]{2}$/;

/** Names of files last written before the moment, a page for each folder that has any. */
export async function* filesWrittenBefore(
  dir: string,
  ms: number,
): AsyncGenerator<readonly string[]> {
  for (const first of await foldersIn(dir))
    for (const second of await foldersIn(join(dir, first))) {
      const folder = join(dir, first, second);
      const page: string[] = [];
      for (const name of (await readdir(folder).catch(unless('ENOENT'))) ?? []) {
        const found = await stat(join(folder, name)).catch(unless('ENOENT'));
        if (found && found.mtimeMs < ms) page.push(name);
      }
      if (page.length > 0) yield page;
    }
}

const foldersIn = async (dir: string): Promise<readonly string[]> =>
  ((await readdir(dir).catch(unless('ENOENT'))) ?? []).filter((name) => level.test(name));
