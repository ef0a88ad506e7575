/** Fields of a message of the protocol, written into a buffer of the size that they need. */

export interface Output {
  readonly to: Buffer;
  at: number;
}

/** The length of a field with a number below 16 that holds so many bytes. */
export function delimited(bytes: number): number {
  return 1 + varintBytes(bytes) + bytes;
}

export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}

function varint(out: Output, value: number): void {
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) out.to[out.at++] = (rest % 0x80) | 0x80;
  out.to[out.at++] = rest;
}

export function number(out: Output, field: number, value: number): void {
  out.to[out.at++] = field << 3;
  varint(out, value);
}

export function head(out: Output, field: number, bytes: number): void {
  out.to[out.at++] = (field << 3) | 2;
  varint(out, bytes);
}

export function raw(out: Output, field: number, bytes: Buffer): void {
  head(out, field, bytes.length);
  out.at += bytes.copy(out.to, out.at);
}

export function text(out: Output, field: number, value: string, bytes: number): void {
  head(out, field, bytes);
  out.at += out.to.write(value, out.at, bytes);
}
