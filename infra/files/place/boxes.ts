/**
 * What ISO 14496-12 boxes hold. Of a still picture (HEIC, AVIF; ISO 23008-12) the items of Exif and
 * XMP are blanked; it is turned by properties of its own. Of a film the boxes of its user's data
 * become free space; a track of places that was filmed along stays.
 */
import type { ByteSource } from '../byte-source.js';
import { boxesIn, wholeOf, type Box } from '../iso-boxes.js';
import { orientationOnly } from './exif.js';
import { BLANK, blanked, checkCount, type Patch } from './patches.js';

export async function boxPatches(source: ByteSource): Promise<readonly Patch[]> {
  const outer = await boxesIn(source, wholeOf(source));
  const moov = outer.find(({ type }) => type === 'moov');
  const meta = outer.find(({ type }) => type === 'meta');
  if (moov) return filmPatches(source, moov, outer);
  const told = outer.filter(({ type }) => type === 'uuid').flatMap(freed);
  return meta ? [...told, ...(await stillPatches(source, meta))] : told;
}

const TOLD = new Set(['udta', 'meta', 'uuid']);

async function filmPatches(source: ByteSource, moov: Box, outer: readonly Box[]) {
  const inner = await boxesIn(source, moov);
  const boxes = [...outer, ...inner];
  for (const trak of inner.filter(({ type }) => type === 'trak'))
    boxes.push(...(await boxesIn(source, trak)));
  return boxes.filter(({ type }) => TOLD.has(type)).flatMap(freed);
}

const freed = ({ typeAt, start, end }: Box): readonly Patch[] => [
  blanked(typeAt, typeAt + 4, Buffer.from('free')),
  blanked(start, end),
];

interface Extent {
  readonly start: number;
  readonly end: number;
}

async function stillPatches(source: ByteSource, meta: Box): Promise<readonly Patch[]> {
  const boxes = await boxesIn(source, meta, 4);
  const find = (name: string) => boxes.find(({ type }) => type === name);
  const [iinf, iloc, idat] = [find('iinf'), find('iloc'), find('idat')];
  if (!iinf || !iloc) return [];
  const kinds = await itemKinds(source, iinf);
  const patches: Patch[] = [];
  for (const { id, extents } of await itemPlaces(source, iloc, idat?.start ?? 0)) {
    const kind = kinds.get(id);
    if (kind === 'mime')
      for (const { start, end } of extents) patches.push(blanked(start, end, undefined, BLANK));
    if (kind !== 'Exif') continue;
    for (const [i, { start, end }] of extents.entries())
      patches.push(blanked(start, end, i === 0 ? await exifOf(source, start, end) : undefined));
  }
  return patches;
}

/** An item of Exif begins with how much stands before its TIFF. */
async function exifOf(source: ByteSource, start: number, end: number): Promise<Buffer> {
  const bytes = await source.read(start, end);
  if (bytes.length < 8) return Buffer.alloc(0);
  const tiff = orientationOnly(bytes.subarray(4 + bytes.readUInt32BE(0)));
  return tiff.length > 0 ? Buffer.concat([Buffer.alloc(4), tiff]) : tiff;
}

const ITEMS_MAX = 10_000;

async function itemKinds(source: ByteSource, iinf: Box): Promise<Map<number, string>> {
  const version = (await source.read(iinf.start, iinf.start + 1))[0] ?? 0;
  const kinds = new Map<number, string>();
  for (const infe of await boxesIn(source, iinf, version === 0 ? 6 : 8)) {
    const bytes = await source.read(infe.start, infe.start + 16);
    const isWide = bytes[0] === 3;
    if (infe.type !== 'infe' || bytes.length < 14 || (bytes[0] !== 2 && !isWide)) continue;
    const id = isWide ? bytes.readUInt32BE(4) : bytes.readUInt16BE(4);
    const at = isWide ? 10 : 8;
    kinds.set(id, bytes.toString('latin1', at, at + 4));
  }
  return kinds;
}

/**
 * `idatAt`: where the items begin that lie beside their description. A place may take no byte of
 * the list, so that they are counted.
 */
async function itemPlaces(source: ByteSource, iloc: Box, idatAt: number) {
  const reader = readerOf(await source.read(iloc.start, iloc.end));
  const version = reader.number(1);
  reader.number(3);
  const sizes = reader.number(2);
  const [offsetBytes, lengthBytes] = [(sizes >> 12) & 15, (sizes >> 8) & 15];
  const [baseBytes, indexBytes] = [(sizes >> 4) & 15, version > 0 ? sizes & 15 : 0];
  const count = Math.min(reader.number(version < 2 ? 2 : 4), ITEMS_MAX);
  const items: { id: number; extents: Extent[] }[] = [];
  let places = 0;
  for (let n = 0; n < count && !reader.isOver(); n += 1) {
    const id = reader.number(version < 2 ? 2 : 4);
    const method = version > 0 ? reader.number(2) & 15 : 0;
    reader.number(2);
    const base = reader.number(baseBytes) + (method === 1 ? idatAt : 0);
    const extents: Extent[] = [];
    for (let left = reader.number(2); left > 0 && !reader.isOver(); left -= 1) {
      reader.number(indexBytes);
      const start = base + reader.number(offsetBytes);
      extents.push({ start, end: start + reader.number(lengthBytes) });
      checkCount({ length: (places += 1) });
    }
    items.push({ id, extents });
  }
  return items;
}

/** Numbers one after another; 0 behind the end. */
function readerOf(bytes: Buffer) {
  let at = 0;
  return {
    isOver: () => at >= bytes.length,
    number(size: number): number {
      let value = 0;
      for (let i = 0; i < size; i += 1) value = value * 256 + (bytes[at + i] ?? 0);
      at += size;
      return value;
    },
  };
}
