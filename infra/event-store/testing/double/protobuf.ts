/**
 * The two hottest messages of the protocol (a batch append coming in, a recorded event going out)
 * written and read by hand: the generated classes cost more than all the rest of the double
 * together. Everything else uses the generated classes; both ends meet in the real client's specs.
 */

/** One scratch buffer that is written from the front; `take` copies out what was written. */
export interface Writer {
  varint(field: number, value: number | bigint): void;
  bytes(field: number, value: Uint8Array): void;
  text(field: number, value: string): void;
  /** Begins a nested message; what `close` is given back ends it. */
  open(field: number): number;
  close(opened: number): void;
  take(): Buffer;
}

/** A nested message's length is written as four bytes (padded varint), known only at its end. */
const LENGTH_BYTES = 4;
const VARINT_BYTES_MAX = 10;
const SCRATCH_BYTES = 64 * 1024;

export function protobufWriter(): Writer {
  let scratch = Buffer.allocUnsafe(SCRATCH_BYTES);
  let end = 0;

  const room = (bytes: number) => {
    if (end + bytes <= scratch.length) return;
    const larger = Buffer.allocUnsafe(Math.max(scratch.length * 2, end + bytes));
    scratch.copy(larger, 0, 0, end);
    scratch = larger;
  };
  const put = (value: number) => {
    while (value > 0x7f) {
      scratch[end++] = (value % 0x80) | 0x80;
      value = Math.floor(value / 0x80);
    }
    scratch[end++] = value;
  };
  const head = (field: number, wire: number) => put(field * 8 + wire);

  return {
    varint: (field, value) => {
      room(2 * VARINT_BYTES_MAX);
      head(field, 0);
      if (typeof value === 'number') return put(value);
      for (; value > 0x7fn; value >>= 7n) scratch[end++] = Number(value & 0x7fn) | 0x80;
      scratch[end++] = Number(value);
    },
    bytes: (field, value) => {
      room(2 * VARINT_BYTES_MAX + value.length);
      head(field, 2);
      put(value.length);
      scratch.set(value, end);
      end += value.length;
    },
    text: (field, value) => {
      const bytes = Buffer.byteLength(value);
      room(2 * VARINT_BYTES_MAX + bytes);
      head(field, 2);
      put(bytes);
      end += scratch.write(value, end, 'utf8');
    },
    open: (field) => {
      room(VARINT_BYTES_MAX + LENGTH_BYTES);
      head(field, 2);
      end += LENGTH_BYTES;
      return end;
    },
    close: (opened) => {
      const length = end - opened;
      for (let index = 0; index < LENGTH_BYTES; index++) {
        const more = index < LENGTH_BYTES - 1 ? 0x80 : 0;
        scratch[opened - LENGTH_BYTES + index] = ((length >>> (7 * index)) & 0x7f) | more;
      }
    },
    take: () => {
      const taken = Buffer.from(scratch.subarray(0, end));
      end = 0;
      return taken;
    },
  };
}

/** What a field holds: `value` of a varint, `bytes` of anything with a length. */
export type FieldVisitor = (field: number, bytes: Buffer, value: number) => void;

const NOTHING = Buffer.alloc(0);

/** Visits the fields of one message in order; nested messages are visited by their own call. */
export function eachField(message: Buffer, visit: FieldVisitor): void {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = message[at++];
      if (byte === undefined) throw new Error('a message ends inside a number');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const key = varint();
    const [field, wire] = [Math.floor(key / 8), key % 8];
    if (wire === 0) {
      visit(field, NOTHING, varint());
    } else if (wire === 2) {
      const length = varint();
      if (at + length > message.length) throw new Error('a message ends inside a field');
      visit(field, message.subarray(at, (at += length)), 0);
    } else if (wire === 1 || wire === 5) {
      at += wire === 1 ? 8 : 4;
    } else {
      throw new Error(`unknown wire type ${wire}`);
    }
  }
}
