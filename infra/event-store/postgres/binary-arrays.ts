/**
 * PostgreSQL's binary form of one-dimensional arrays without nulls (array_send of the server).
 * node-pg sends a Buffer as it is, so a batch costs no escaping here and no parsing there.
 */

/** Type OIDs of the elements, fixed in PostgreSQL's catalogue. */
const BYTEA = 17;
const INT8 = 20;
const INT4 = 23;
const TEXT = 25;
const UUID = 2950;

/** Dimensions, has-nulls flag, element type, length, lower bound. */
const HEADER_BYTES = 20;

export function textArray(values: readonly string[]): Buffer {
  let size = HEADER_BYTES;
  for (const value of values) size += 4 + Buffer.byteLength(value);
  const buffer = header(TEXT, values.length, size);
  let at = HEADER_BYTES;
  for (const value of values) {
    const written = buffer.write(value, at + 4);
    buffer.writeInt32BE(written, at);
    at += 4 + written;
  }
  return buffer;
}

export function byteaArray(values: readonly Buffer[]): Buffer {
  let size = HEADER_BYTES;
  for (const value of values) size += 4 + value.length;
  const buffer = header(BYTEA, values.length, size);
  let at = HEADER_BYTES;
  for (const value of values) {
    at = buffer.writeInt32BE(value.length, at);
    at += value.copy(buffer, at);
  }
  return buffer;
}

export function int4Array(values: readonly number[]): Buffer {
  const buffer = header(INT4, values.length, HEADER_BYTES + 8 * values.length);
  let at = HEADER_BYTES;
  for (const value of values) at = buffer.writeInt32BE(value, buffer.writeInt32BE(4, at));
  return buffer;
}

export function int8Array(values: readonly bigint[]): Buffer {
  const buffer = header(INT8, values.length, HEADER_BYTES + 12 * values.length);
  let at = HEADER_BYTES;
  for (const value of values) at = buffer.writeBigInt64BE(value, buffer.writeInt32BE(8, at));
  return buffer;
}

/** The values are well-formed UUIDs. */
export function uuidArray(values: readonly string[]): Buffer {
  const buffer = header(UUID, values.length, HEADER_BYTES + 20 * values.length);
  let at = HEADER_BYTES;
  for (const value of values) {
    at = buffer.writeInt32BE(16, at);
    at += buffer.write(value.replaceAll('-', ''), at, 'hex');
  }
  return buffer;
}

function header(elementType: number, length: number, size: number): Buffer {
  const buffer = Buffer.allocUnsafe(size);
  buffer.writeInt32BE(1, 0);
  buffer.writeInt32BE(0, 4);
  buffer.writeInt32BE(elementType, 8);
  buffer.writeInt32BE(length, 12);
  buffer.writeInt32BE(1, 16);
  return buffer;
}
