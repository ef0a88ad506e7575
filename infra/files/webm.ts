/**
 * Size and duration of WebM and Matroska (RFC 8794 EBML, RFC 9559). A file that was written as it
 * was made states no duration: then the latest cluster's time stands for it.
 */
import type { ByteSource } from './byte-source.js';
import type { Measures } from './measures.js';

interface Element {
  readonly id: number;
  /** Of what it holds. */
  readonly start: number;
  readonly end: number;
}

const SEGMENT = 0x18538067;
const INFO = 0x1549a966;
const TIMESTAMP_SCALE = 0x2ad7b1;
const DURATION = 0x4489;
const TRACKS = 0x1654ae6b;
const TRACK_ENTRY = 0xae;
const VIDEO = 0xe0;
const PIXEL_WIDTH = 0xb0;
const PIXEL_HEIGHT = 0xba;
const CLUSTER = 0x1f43b675;
const CLUSTER_TIMESTAMP = 0xe7;

const NANOSECONDS_PER_MS = 1_000_000;
const SCALE_DEFAULT = 1_000_000;

export async function webmMeasures(source: ByteSource): Promise<Measures> {
  const file = { id: 0, start: 0, end: source.sizeBytes };
  const segment = (await elementsIn(source, file)).find(({ id }) => id === SEGMENT);
  if (!segment) return {};
  let size: Measures = {};
  let scale = SCALE_DEFAULT;
  let ticks = 0;
  let latest = 0;
  for (const element of await elementsIn(source, segment)) {
    if (element.id === INFO)
      for (const one of await elementsIn(source, element)) {
        if (one.id === TIMESTAMP_SCALE) scale = await numberIn(source, one);
        if (one.id === DURATION) ticks = await floatIn(source, one);
      }
    if (element.id === TRACKS) size = await firstVideo(source, element);
    if (element.id === CLUSTER) latest = Math.max(latest, await clusterTime(source, element));
  }
  return { ...size, durationMs: Math.round(((ticks || latest) * scale) / NANOSECONDS_PER_MS) };
}

const ELEMENTS_MAX = 20_000;

async function elementsIn(source: ByteSource, { start, end }: Element): Promise<Element[]> {
  const elements: Element[] = [];
  for (let at = start; at < end && elements.length < ELEMENTS_MAX;) {
    const head = await source.read(at, at + 12);
    const idLength = Math.clz32(head[0] ?? 0) - 23;
    if (idLength > 4 || head.length <= idLength) break;
    const first = head[idLength] ?? 0;
    const sizeLength = Math.clz32(first) - 23;
    if (sizeLength > 8 || head.length < idLength + sizeLength) break;
    const length = sizeOf(head.subarray(idLength, idLength + sizeLength));
    const inner = at + idLength + sizeLength;
    const element = { id: head.readUIntBE(0, idLength), start: inner };
    const isOpen = length === undefined;
    elements.push({ ...element, end: isOpen ? end : Math.min(inner + length, end) });
    // What has no length has its parts listed behind it: its end is where its like begins.
    at = isOpen ? inner : inner + length;
  }
  return elements;
}

/** All ones: unknown. */
function sizeOf(bytes: Buffer): number | undefined {
  let value = (bytes[0] ?? 0) & (0xff >>> bytes.length);
  let isUnknown = value === 0xff >>> bytes.length;
  for (const byte of bytes.subarray(1)) {
    value = value * 256 + byte;
    isUnknown &&= byte === 0xff;
  }
  return isUnknown ? undefined : value;
}

async function numberIn(source: ByteSource, { start, end }: Element): Promise<number> {
  let value = 0;
  for (const byte of await source.read(start, Math.min(end, start + 8))) value = value * 256 + byte;
  return value;
}

async function floatIn(source: ByteSource, { start, end }: Element): Promise<number> {
  const bytes = await source.read(start, Math.min(end, start + 8));
  if (bytes.length === 4) return bytes.readFloatBE(0);
  return bytes.length === 8 ? bytes.readDoubleBE(0) : 0;
}

async function firstVideo(source: ByteSource, tracks: Element): Promise<Measures> {
  for (const track of await elementsIn(source, tracks)) {
    if (track.id !== TRACK_ENTRY) continue;
    const video = (await elementsIn(source, track)).find(({ id }) => id === VIDEO);
    if (!video) continue;
    let [width, height] = [0, 0];
    for (const one of await elementsIn(source, video)) {
      if (one.id === PIXEL_WIDTH) width = await numberIn(source, one);
      if (one.id === PIXEL_HEIGHT) height = await numberIn(source, one);
    }
    return { width, height };
  }
  return {};
}

async function clusterTime(source: ByteSource, cluster: Element): Promise<number> {
  const head = { ...cluster, end: Math.min(cluster.end, cluster.start + 64) };
  const time = (await elementsIn(source, head)).find(({ id }) => id === CLUSTER_TIMESTAMP);
  return time ? numberIn(source, time) : 0;
}
