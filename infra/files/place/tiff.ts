/**
 * TIFF 6.0, and what is built on it: the directory of GPS loses its entries, and XMP, IPTC,
 * Photoshop's and the maker's own notes are blanked.
 */
import type { ByteSource } from '../byte-source.js';
import { TooManyParts } from '../bounded.js';
import { byteOrderOf, numbersIn, type ByteOrder } from './exif.js';
import { BLANK, blanked, checkCount, type Patch } from './patches.js';

const GPS = 0x8825;
const XMP = 700;
const BLANKED = new Set([XMP, 33_723, 34_377, 0x927c]);
/** Exif, and further pictures. */
const DIRECTORIES = new Set([0x8769, 0x014a]);

/** By type, what one value takes. */
const VALUE_BYTES = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4];
const ENTRY_BYTES = 12;
const DIRECTORIES_MAX = 2_000;
const ENTRIES_MAX = 4_096;
const POINTERS_MAX = 100;

export async function tiffPatches(source: ByteSource): Promise<readonly Patch[]> {
  const head = await source.read(0, 8);
  const order = byteOrderOf(head);
  if (!order || head.length < 8) return [];
  const patches: Patch[] = [];
  const open = [numbersIn(head, order).u32(4)];
  const seen = new Set<number>();
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (at < 8 || seen.has(at)) continue;
    seen.add(at);
    const directory = await directoryAt(source, order, at);
    for (const entry of directory.entries)
      if (BLANKED.has(entry.tag)) patches.push(entryPatch(entry));
      else if (DIRECTORIES.has(entry.tag)) open.push(...(await pointersOf(source, order, entry)));
      else if (entry.tag === GPS && !seen.has(entry.value)) {
        seen.add(entry.value);
        patches.push(...(await gpsPatches(source, order, entry.value)));
        checkDirectories(seen.size);
      }
    open.push(directory.next);
    checkDirectories(seen.size + open.length);
    checkCount(patches);
  }
  return patches;
}

function checkDirectories(count: number): void {
  if (count > DIRECTORIES_MAX) throw new TooManyParts(`more than ${DIRECTORIES_MAX} directories`);
}

interface Entry {
  readonly tag: number;
  readonly bytes: number;
  /** Where its value begins: in the entry where it has room there. */
  readonly at: number;
  /** The four bytes of the entry as a number. */
  readonly value: number;
}

async function directoryAt(source: ByteSource, order: ByteOrder, at: number) {
  const count = await source.read(at, at + 2);
  if (count.length < 2) return { entries: [], next: 0, end: at };
  const stated = numbersIn(count, order).u16(0);
  if (stated > ENTRIES_MAX) throw new TooManyParts(`more than ${ENTRIES_MAX} entries`);
  const end = at + 2 + stated * ENTRY_BYTES;
  const bytes = await source.read(at + 2, end + 4);
  const { u16, u32 } = numbersIn(bytes, order);
  const entries: Entry[] = [];
  let i = 0;
  for (; i + ENTRY_BYTES <= Math.min(bytes.length, end - at - 2); i += ENTRY_BYTES) {
    const size = (VALUE_BYTES[u16(i + 2)] ?? 1) * u32(i + 4);
    const value = u32(i + 8);
    entries.push({ tag: u16(i), bytes: size, value, at: size > 4 ? value : at + 2 + i + 8 });
  }
  const next = i + 4 <= bytes.length ? u32(i) : 0;
  return { entries, next, end };
}

/** No entries, and nothing where they and their values were. */
async function gpsPatches(source: ByteSource, order: ByteOrder, at: number) {
  const { entries, end } = await directoryAt(source, order, at);
  return [blanked(at, end), ...entries.filter(({ bytes }) => bytes > 4).map(entryPatch)];
}

const entryPatch = ({ tag, at, bytes }: Entry): Patch =>
  blanked(at, at + bytes, undefined, tag === XMP ? BLANK : 0);

async function pointersOf(source: ByteSource, order: ByteOrder, entry: Entry): Promise<number[]> {
  const count = Math.min(Math.floor(entry.bytes / 4), POINTERS_MAX);
  const bytes = await source.read(entry.at, entry.at + count * 4);
  const { u32 } = numbersIn(bytes, order);
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) => u32(i * 4));
}
