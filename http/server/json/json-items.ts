/**
 * Splits the text of a JSON object with a long list into the texts of the list's items, so that
 * each is read by itself: a large body in many short turns, and a bad item without the others.
 *
 *   {"executions": [{…}, {…}]}   ─►   {"executions": [0,0]}   and   {…}   {…}
 *
 * What is left when the items are taken out is small, and is read as strictly as any body. Items
 * are found by brackets and quotes alone: where these do not match, either what is left is no JSON,
 * or an item is none, which is for its reader to find.
 */
import type { GiveWay } from '../../../infra/concurrency/turns.js';

interface Split {
  /** The text with a `0` in the place of each item. */
  readonly outline: Buffer;
  /** In their order; one more than the maximum where there are too many. */
  readonly items: readonly Buffer[];
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const ZERO = Buffer.from('0');

/** The clock is looked at after so many bytes. */
const BYTES_A_LOOK = 64 * 1024;
/** The depth of what is directly in a list that is a member of the outermost object. */
const IN_LIST = 2;

interface Scan {
  readonly bytes: Buffer;
  readonly items: Buffer[];
  readonly outline: Buffer[];
  at: number;
  depth: number;
  isObject: boolean;
  isInList: boolean;
  /** Of the item that is being read; negative between items. */
  itemAt: number;
  /** Up to here it is in the outline, or in an item. */
  takenTo: number;
}

export async function splitItems(
  bytes: Buffer,
  itemsMax: number,
  giveWay: GiveWay,
): Promise<Split> {
  const scan: Scan = {
    bytes,
    items: [],
    outline: [],
    at: 0,
    depth: 0,
    isObject: false,
    isInList: false,
    itemAt: -1,
    takenTo: 0,
  };
  while (scan.at < bytes.length && scan.items.length <= itemsMax) {
    scanTo(scan, Math.min(scan.at + BYTES_A_LOOK, bytes.length), itemsMax);
    await giveWay();
  }
  if (scan.itemAt >= 0) endItem(scan, bytes.length);
  scan.outline.push(bytes.subarray(scan.takenTo));
  return { outline: Buffer.concat(scan.outline), items: scan.items };
}

/** A string that begins before `end` is read to its own end. */
function scanTo(scan: Scan, end: number, itemsMax: number): void {
  const { bytes, items } = scan;
  while (scan.at < end && items.length <= itemsMax) {
    const byte = bytes[scan.at]!;
    if (scan.isInList && scan.depth === IN_LIST) beginOrEndItem(scan, byte);
    if (byte === QUOTE) {
      scan.at = afterString(bytes, scan.at + 1);
      continue;
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) open(scan, byte);
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) close(scan, byte);
    scan.at += 1;
  }
}

function beginOrEndItem(scan: Scan, byte: number): void {
  const isEnd = byte === COMMA || byte === CLOSE_BRACKET;
  if (isEnd && scan.itemAt >= 0) endItem(scan, scan.at);
  else if (!isEnd && scan.itemAt < 0 && !isSpace(byte)) scan.itemAt = scan.at;
}

function endItem(scan: Scan, end: number): void {
  const { bytes, outline, items, itemAt, takenTo } = scan;
  outline.push(bytes.subarray(takenTo, itemAt), ZERO);
  items.push(bytes.subarray(itemAt, end));
  scan.takenTo = end;
  scan.itemAt = -1;
}

function open(scan: Scan, byte: number): void {
  if (scan.depth === 0) scan.isObject = byte === OPEN_BRACE;
  if (scan.depth === 1) scan.isInList = scan.isObject && byte === OPEN_BRACKET;
  scan.depth += 1;
}

/** A brace among items is none of theirs: it stays in the item, which is no JSON then. */
function close(scan: Scan, byte: number): void {
  if (scan.isInList && scan.depth === IN_LIST && byte === CLOSE_BRACE) return;
  scan.depth -= 1;
  if (scan.depth < IN_LIST) scan.isInList = false;
}

/** Behind the closing quote; quotes behind an odd number of backslashes do not close. */
function afterString(bytes: Buffer, start: number): number {
  for (let from = start; ;) {
    const quote = bytes.indexOf(QUOTE, from);
    if (quote < 0) return bytes.length;
    let slashes = 0;
    while (quote - slashes > start && bytes[quote - slashes - 1] === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return quote + 1;
    from = quote + 1;
  }
}

const isSpace = (byte: number): boolean =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
