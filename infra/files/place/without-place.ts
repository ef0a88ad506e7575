/**
 * A stored file as others may have it who need not know where a picture or a film was made: the
 * same size, and the same bytes but for those that could say so.
 */
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { FileId } from '../../../contracts/ids.js';
import { bounded, LOOKS_MAX, TooManyParts } from '../bounded.js';
import { bytesInStore, inPages, type ByteSource } from '../byte-source.js';
import { FileGone } from '../errors.js';
import { inspectFile, type FileInfo } from '../inspect-file.js';
import type { ByteRange, FileStore } from '../port.js';
import { boxPatches } from './boxes.js';
import { jpegPatches } from './jpeg.js';
import { blanked, checkCount, patched, type Patch } from './patches.js';
import { pngPatches } from './png.js';
import { tiffPatches } from './tiff.js';
import { webpPatches } from './webp.js';

interface WithoutPlace {
  readonly contentType: string;
  readonly format: string;
  readonly durationMs?: number;
  readonly sizeBytes: number;
  /** All of it, in memory. */
  bytes(): Promise<Buffer>;
  /** Each time anew; all of it, or a range of it. */
  stream(range?: ByteRange): Promise<Readable>;
}

/**
 * Undefined where there is no such file. Every verb throws `StoreUnavailable`, `FileGone` where it
 * went meanwhile, and `FileDamaged`.
 */
export async function withoutPlace(
  files: Pick<FileStore, 'open' | 'size'>,
  id: FileId,
): Promise<WithoutPlace | undefined> {
  const sizeBytes = await files.size(id);
  if (sizeBytes === undefined) return undefined;
  const source = inPages(bytesInStore(files, id, sizeBytes));
  const info = (await inspectFile(source)) ?? UNKNOWN;
  const { contentType, format, durationMs } = info;
  let patches: Promise<readonly Patch[]> | undefined;
  const stream = async (range?: ByteRange): Promise<Readable> => {
    const found = await (patches ??= placePatches(source, format));
    const stored = await files.open(id, range);
    if (!stored) throw new FileGone(id);
    if (found.length === 0) return stored;
    const given = Readable.from(patched(stored, found, range?.start ?? 0), BYTES);
    // One that nobody began to read ends what it would have read as well.
    return given.once('close', () => stored.destroy());
  };
  const bytes = async () => buffer(await stream());
  const length = durationMs === undefined ? {} : { durationMs };
  return { contentType, format, ...length, sizeBytes, bytes, stream };
}

const UNKNOWN: FileInfo = { contentType: 'application/octet-stream', format: 'bin' };

const BYTES = { objectMode: false };

/**
 * By the format as the bytes say it. Of other formats nothing is known that says so. Of what has
 * too many parts to be looked at nothing is given but its size.
 */
async function placePatches(source: ByteSource, format: string): Promise<readonly Patch[]> {
  const read = READERS[format];
  if (!read) return [];
  try {
    const patches = await read(bounded(source, LOOKS_MAX));
    checkCount(patches);
    return patches;
  } catch (error) {
    if (error instanceof TooManyParts) return [blanked(0, source.sizeBytes)];
    throw error;
  }
}

const READERS: Readonly<Record<string, (source: ByteSource) => Promise<readonly Patch[]>>> = {
  jpeg: jpegPatches,
  png: pngPatches,
  webp: webpPatches,
  tiff: tiffPatches,
  dng: tiffPatches,
  nef: tiffPatches,
  arw: tiffPatches,
  cr2: tiffPatches,
  heic: boxPatches,
  avif: boxPatches,
  mp4: boxPatches,
  mov: boxPatches,
  m4a: boxPatches,
};
