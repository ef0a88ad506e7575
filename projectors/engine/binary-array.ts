/**
 * A column of rows in PostgreSQL's binary form of a one-dimensional array (array_send of the
 * server). node-pg sends a Buffer as it is, so a batch is neither escaped here nor parsed there.
 *
 * Cells are written in one pass into a room that grows and is used again; the array is a copy of
 * what was written.
 */
import type { Cell, Column, SqlType } from '../../infra/read-store/table.js';

/** OIDs of the element types, fixed in PostgreSQL's catalogue. */
const OIDS: Record<SqlType, number> = {
  boolean: 16,
  bigint: 20,
  integer: 23,
  text: 25,
  json: 114,
  timestamptz: 1184,
  uuid: 2950,
};

/** Dimensions, has-nulls flag, element type, length, lower bound. */
const HEADER_BYTES = 20;

export function binaryArray<V>({ type, of }: Column<V>, rows: readonly V[]): Buffer {
  room.view.setInt32(0, rows.length === 0 ? 0 : 1);
  room.view.setInt32(4, 1);
  room.view.setInt32(8, OIDS[type]);
  room.view.setInt32(12, rows.length);
  room.view.setInt32(16, 1);
  if (rows.length === 0) return Buffer.from(room.bytes.subarray(0, 12));
  const write = WRITERS[type];
  let at = HEADER_BYTES;
  for (const row of rows) {
    const cell = of(row);
    const most = typeof cell === 'string' ? MOST_BYTES * cell.length : WIDTH_MAX;
    if (at + 4 + most > room.bytes.length) room = widened(room, at, at + 4 + most);
    if (cell === undefined) {
      room.view.setInt32(at, -1);
      at += 4;
    } else {
      const bytes = write(room, cell, at + 4);
      room.view.setInt32(at, bytes);
      at += 4 + bytes;
    }
  }
  const array = Buffer.from(room.bytes.subarray(0, at));
  if (room.bytes.length > ROOM_KEPT_BYTES) room = roomOf(ROOM_KEPT_BYTES);
  return array;
}

interface Room {
  readonly bytes: Buffer;
  /** Of the same memory. */
  readonly view: DataView;
}

/** What stays between batches; a batch of large texts takes more for its time. */
const ROOM_KEPT_BYTES = 256 * 1024;

/** Of any cell that is no text. */
const WIDTH_MAX = 16;

/** UTF-8 takes no more for a UTF-16 unit. */
const MOST_BYTES = 3;

let room = roomOf(ROOM_KEPT_BYTES);

function roomOf(length: number): Room {
  const bytes = Buffer.allocUnsafeSlow(length);
  return { bytes, view: new DataView(bytes.buffer) };
}

function widened({ bytes }: Room, used: number, needed: number): Room {
  const wider = roomOf(Math.max(2 * bytes.length, needed));
  bytes.copy(wider.bytes, 0, 0, used);
  return wider;
}

/** Each writes a cell and answers its length. */
const WRITERS: Record<SqlType, (room: Room, cell: Cell, at: number) => number> = {
  boolean: ({ view }, cell, at) => {
    view.setUint8(at, cell === true ? 1 : 0);
    return 1;
  },
  bigint: ({ view }, cell, at) =>
    typeof cell === 'number'
      ? writeWhole(view, within(cell, Number.MAX_SAFE_INTEGER), at)
      : writeBigint(view, cell as bigint, at),
  integer: ({ view }, cell, at) => {
    view.setInt32(at, within(cell as number, INTEGER_MAX));
    return 4;
  },
  text: ({ bytes }, cell, at) => writeText(bytes, storable(cell as string), at),
  json: ({ bytes }, cell, at) => writeText(bytes, cell as string, at),
  timestamptz: ({ view }, cell, at) => writeWhole(view, microsecondsOf(cell as string), at),
  uuid: ({ bytes }, cell, at) => writeUuid(bytes, cell as string, at),
};

/** The server counts microseconds from here. */
const Y2K_MS = Date.UTC(2000, 0, 1);

function microsecondsOf(time: string): number {
  const ms = Date.parse(time);
  if (Number.isNaN(ms)) throw new Error(`${time} is no time`);
  return (ms - Y2K_MS) * 1000;
}

const INTEGER_MAX = 2 ** 31 - 1;

/**
 * A number of an older log may be greater than its column holds; the greatest is written for it. A
 * projection must not stop for one that only shows something. Amounts of money are bigints, and
 * never changed.
 */
const within = (value: number, max: number): number => Math.min(Math.max(value, -max), max);

/** PostgreSQL's text has no NUL; a projection must not stop for one in a caller's text. */
const storable = (text: string): string =>
  text.includes('\0') ? text.replaceAll('\0', '\ufffd') : text;

function writeBigint(view: DataView, value: bigint, at: number): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return writeWhole(view, number, at);
  view.setBigInt64(at, value);
  return 8;
}

/** A safe integer as eight bytes. */
function writeWhole(view: DataView, value: number, at: number): number {
  view.setInt32(at, Math.floor(value / 2 ** 32));
  view.setInt32(at + 4, value >>> 0);
  return 8;
}

/** Longer texts are written faster by Node. */
const SHORT_TEXT = 24;

function writeText(bytes: Buffer, text: string, at: number): number {
  const { length } = text;
  if (length > SHORT_TEXT) return bytes.write(text, at);
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) return bytes.write(text, at);
    bytes[at + index] = code;
  }
  return length;
}

const NO_DIGIT = 255;

/** By the codes of hexadecimal digits. */
const DIGITS = new Uint8Array(128).fill(NO_DIGIT);
for (let digit = 0; digit < 16; digit++) {
  DIGITS[digit.toString(16).charCodeAt(0)] = digit;
  DIGITS[digit.toString(16).toUpperCase().charCodeAt(0)] = digit;
}
const HYPHEN = 45;

function writeUuid(bytes: Buffer, uuid: string, at: number): number {
  let end = at;
  for (let index = 0; index < uuid.length; index += 2) {
    if (uuid.charCodeAt(index) === HYPHEN) index += 1;
    const high = DIGITS[uuid.charCodeAt(index)] ?? NO_DIGIT;
    const low = DIGITS[uuid.charCodeAt(index + 1)] ?? NO_DIGIT;
    if (high === NO_DIGIT || low === NO_DIGIT) throw new Error(`${uuid} is no UUID`);
    bytes[end++] = (high << 4) | low;
  }
  return end - at;
}
