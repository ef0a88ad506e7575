/**
 * A recorded event as the store's protocol has it (`ReadResp` with an event), read straight into
 * the codec's text: subscriptions and reads consist of little else. The specs hold it against the
 * generated writer.
 */
import type { StreamName } from '../../../contracts/streams.js';
import type { LogRow } from '../codec.js';

/** Undefined for a message about anything else. */
export function eventIn(message: Buffer): LogRow | undefined {
  if (message[0] !== EVENT) return undefined;
  const row = { ...EMPTY };
  eachField(message, 0, message.length, (field, from, to) => {
    // A link may be beside its event; only the event is read.
    if (field === 1)
      eachField(message, from, to, (inner, start, end) => {
        if (inner === 1) readRecorded(message, start, end, row);
      });
  });
  return row.id === '' ? undefined : row;
}

/** Field 1, with a length. */
const EVENT = (1 << 3) | 2;

type Row = { -readonly [Name in keyof LogRow]: LogRow[Name] };

/** What the message leaves out: a zero is not written, and so not a stream's first revision. */
const EMPTY: Row = {
  position: 0n,
  stream: '' as StreamName,
  revision: 0,
  id: '',
  type: '',
  data: '',
  metadata: '',
};

function readRecorded(message: Buffer, from: number, to: number, row: Row): void {
  eachField(message, from, to, (field, start, end, value) => {
    if (field === 1) row.id = textIn(message, start, end, 2);
    else if (field === 2) row.stream = textIn(message, start, end, 3) as StreamName;
    else if (field === 3) row.revision = value;
    else if (field === 5) row.position = BigInt(value);
    else if (field === 6) {
      if (textIn(message, start, end, 1) === 'type') row.type = textIn(message, start, end, 2);
    } else if (field === 7) row.metadata = message.toString('utf8', start, end);
    else if (field === 8) row.data = message.toString('utf8', start, end);
  });
}

function textIn(message: Buffer, from: number, to: number, wanted: number): string {
  let text = '';
  eachField(message, from, to, (field, start, end) => {
    if (field === wanted) text = message.toString('utf8', start, end);
  });
  return text;
}

type OnField = (field: number, from: number, to: number, value: number) => void;

/** Numbers beyond 2^53 do not occur: positions are places in files. */
function eachField(message: Buffer, from: number, to: number, onField: OnField): void {
  let at = from;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = message[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < to) {
    const tag = varint();
    const [field, wire] = [tag >>> 3, tag & 7];
    if (wire === 0) onField(field, at, at, varint());
    else if (wire === 2) {
      const length = varint();
      onField(field, at, at + length, 0);
      at += length;
    } else if (wire === 1 || wire === 5) at += wire === 1 ? 8 : 4;
    else throw new Error(`the event store sent a message that is none (wire type ${wire})`);
  }
}
