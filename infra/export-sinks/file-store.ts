/**
 * Where files of exports are put.
 *
 * An implementer promises:
 * - A file is there whole or not at all, also after `kill -9` and a power cut; once `put` resolved,
 *   it stays.
 * - A file takes the place of one with the same name, so that whoever puts it again, or two who put
 *   it at the same time, leave one.
 * - No other name becomes visible to whoever looks for files with the ending of that name.
 * - A store that is away, full, silent or refuses us throws, in bounded time.
 */
export interface FileStore {
  /** `name`: with `/` between folders, of letters, digits and `.=_-`. */
  put(name: string, bytes: Buffer): Promise<void>;
  close(): void;
}
