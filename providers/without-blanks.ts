/**
 * A body without the blanks around it: some gateways send them while a model works, so that nobody
 * takes the connection for dead, and a minute of them is longer than many an answer.
 */
export function withoutBlanks(body: Buffer): Buffer {
  let from = 0;
  let to = body.length;
  while (from < to && isBlank(body[from])) from++;
  while (to > from && isBlank(body[to - 1])) to--;
  return body.subarray(from, to);
}

/** The white space of JSON (RFC 8259, 2). */
const isBlank = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
