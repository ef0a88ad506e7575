/**
 * What a file is, by its bytes alone. Nothing that anybody declared about it is trusted, and
 * nothing is decoded: magic bytes name the format, headers say how large or how long it is. What a
 * header does not say in a usable way, or only after too many looks, is left out.
 */
import { fileTypeFromTokenizer } from 'file-type';
import { bounded, LOOKS_MAX, TooManyParts } from './bounded.js';
import { inPages, SourceTokenizer, type ByteSource } from './byte-source.js';
import { boxedMeasures } from './iso-boxes.js';
import type { Measures } from './measures.js';
import { pictureSize } from './picture-size.js';
import { soundDurationMs } from './sound-duration.js';
import { webmMeasures } from './webm.js';

export interface FileInfo {
  /** Of the content as found. */
  readonly contentType: string;
  readonly format: string;
  readonly width?: number;
  readonly height?: number;
  readonly durationMs?: number;
}

/** Undefined for what is no known format. Rejects only as the source does. */
export async function inspectFile(given: ByteSource): Promise<FileInfo | undefined> {
  const source = inPages(given);
  const tokenizer = new SourceTokenizer(bounded(source, LOOKS_MAX));
  const found = await unlessTooMany(fileTypeFromTokenizer(tokenizer));
  if (!found) return undefined;
  const format = formats.get(found.ext) ?? found.ext;
  const contentType = contentTypes.get(format) ?? found.mime;
  const measured = await unlessTooMany(measuresOf(source, contentType, format));
  const measures = usable(measured ?? {});
  // The same containers hold sound alone.
  const isSound = measures.durationMs !== undefined && measures.width === undefined;
  return { contentType: isSound ? asSound(contentType) : contentType, format, ...measures };
}

async function unlessTooMany<T>(looking: Promise<T>): Promise<T | undefined> {
  try {
    return await looking;
  } catch (error) {
    if (error instanceof TooManyParts) return undefined;
    throw error;
  }
}

const asSound = (contentType: string): string => contentType.replace(/^video\//, 'audio/');

/** Where the library has a word of its own for what has one name here. */
const formats: ReadonlyMap<string, string> = new Map([
  ['jpg', 'jpeg'],
  ['apng', 'png'],
  ['tif', 'tiff'],
  ['oga', 'ogg'],
  ['m4v', 'mp4'],
]);

const contentTypes: ReadonlyMap<string, string> = new Map([
  ['png', 'image/png'],
  ['flac', 'audio/flac'],
  ['m4a', 'audio/mp4'],
  ['opus', 'audio/ogg'],
  ['wav', 'audio/wav'],
  ['mp4', 'video/mp4'],
]);

/** A sound that states no length has its frames counted. */
const SOUND_LOOKS_MAX = 2_000_000;

async function measuresOf(
  whole: ByteSource,
  contentType: string,
  format: string,
): Promise<Measures> {
  const source = bounded(whole, LOOKS_MAX);
  switch (format) {
    case 'png':
    case 'jpeg':
    case 'gif':
    case 'webp':
      return (await pictureSize(source, format)) ?? {};
    case 'avif':
    case 'heic':
    case 'mp4':
    case 'mov':
    case 'm4a':
      return boxedMeasures(source);
    case 'webm':
    case 'mkv':
      return webmMeasures(source);
    default:
      return contentType.startsWith('audio/')
        ? { durationMs: await soundDurationMs(bounded(whole, SOUND_LOOKS_MAX), contentType) }
        : {};
  }
}

/** A header may say anything; no picture has more, and a field of a PNG holds up to 2³² − 1. */
const SIDE_MAX = 100_000;
const DURATION_MS_MAX = 7 * 24 * 60 * 60 * 1_000;

function usable({ width = 0, height = 0, durationMs = 0 }: Measures) {
  const isSized = isWithin(width, SIDE_MAX) && isWithin(height, SIDE_MAX);
  const isTimed = isWithin(durationMs, DURATION_MS_MAX);
  return { ...(isSized && { width, height }), ...(isTimed && { durationMs }) };
}

const isWithin = (value: number, max: number): boolean =>
  Number.isInteger(value) && value > 0 && value <= max;
