/**
 * A recorded event as the store's protocol has it (`ReadResp` with an event), read straight into
 * the codec's text: subscriptions and reads consist of little else. The specs hold it against the
 * generated writer.
 */
import type { StreamName } from '../../../contracts/streams.js';
import type { Writable } from '../../../contracts/writable.js';
import type { LogRow } from '../codec.js';
import { eachField, textIn } from './message-fields.js';

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

type Row = Writable<LogRow>;

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
