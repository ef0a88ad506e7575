/** The fields of a message of the protocol, read where they are. */

/** The text of a field; empty where there is none. */
export function textIn(message: Buffer, from: number, to: number, wanted: number): string {
  let text = '';
  eachField(message, from, to, (field, start, end) => {
    if (field === wanted) text = message.toString('utf8', start, end);
  });
  return text;
}

/** A number, or where bytes begin and end. */
type OnField = (field: number, from: number, to: number, value: number) => void;

/** Numbers beyond 2^53 do not occur: positions are places in files. */
export function eachField(message: Buffer, from: number, to: number, onField: OnField): void {
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
