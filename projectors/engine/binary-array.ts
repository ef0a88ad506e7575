/**
 * A column of cells in PostgreSQL's binary form of a one-dimensional array (array_send of the
 * server). node-pg sends a Buffer as it is, so a batch is neither escaped here nor parsed there.
 */
import type { Cell, SqlType } from '../../infra/read-store/table.js';

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

export function binaryArray(type: SqlType, cells: readonly Cell[]): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + sizeOf(type, cells));
  buffer.writeInt32BE(cells.length === 0 ? 0 : 1, 0);
  buffer.writeInt32BE(1, 4);
  buffer.writeInt32BE(OIDS[type], 8);
  buffer.writeInt32BE(cells.length, 12);
  buffer.writeInt32BE(1, 16);
  if (cells.length === 0) return buffer.subarray(0, 12);
  const write = WRITERS[type];
  let at = HEADER_BYTES;
  for (const cell of cells) {
    if (cell === undefined) at = buffer.writeInt32BE(-1, at);
    else {
      const bytes = write(buffer, cell, at + 4);
      buffer.writeInt32BE(bytes, at);
      at += 4 + bytes;
    }
  }
  return buffer.subarray(0, at);
}

/** Bytes of a cell; undefined where they depend on it. */
const WIDTHS: Record<SqlType, number | undefined> = {
  boolean: 1,
  bigint: 8,
  integer: 4,
  text: undefined,
  json: undefined,
  timestamptz: 8,
  uuid: 16,
};

/** Room for all cells: exact, but for texts three bytes per UTF-16 unit, the most UTF-8 takes. */
function sizeOf(type: SqlType, cells: readonly Cell[]): number {
  const width = WIDTHS[type];
  if (width !== undefined) return cells.length * (4 + width);
  let size = 4 * cells.length;
  for (const cell of cells) if (cell !== undefined) size += 3 * (cell as string).length;
  return size;
}

/** Each writes a cell and answers its length. */
const WRITERS: Record<SqlType, (buffer: Buffer, cell: Cell, at: number) => number> = {
  boolean: (buffer, cell, at) => {
    buffer.writeUInt8(cell === true ? 1 : 0, at);
    return 1;
  },
  bigint: (buffer, cell, at) => {
    const value = typeof cell === 'number' ? within(cell, Number.MAX_SAFE_INTEGER) : cell;
    buffer.writeBigInt64BE(BigInt(value as bigint | number), at);
    return 8;
  },
  integer: (buffer, cell, at) => {
    buffer.writeInt32BE(within(cell as number, INTEGER_MAX), at);
    return 4;
  },
  text: (buffer, cell, at) => buffer.write(storable(cell as string), at),
  json: (buffer, cell, at) => buffer.write(cell as string, at),
  timestamptz: (buffer, cell, at) => {
    const microseconds = (Date.parse(cell as string) - Y2K_MS) * 1000;
    buffer.writeBigInt64BE(BigInt(microseconds), at);
    return 8;
  },
  uuid: (buffer, cell, at) => buffer.write((cell as string).replaceAll('-', ''), at, 'hex'),
};

/** The server counts microseconds from here. */
const Y2K_MS = Date.UTC(2000, 0, 1);

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
