/**
 * A question about a stream as the protocol has it (`ReadReq`), written straight: each submission
 * asks one. The specs hold it against the generated reader.
 */
import type { StreamRange } from './log-client.js';
import { delimited, head, number, raw, varintBytes, type Output } from './message-writing.js';

/** Links are not resolved, nothing is filtered, and ids are text. */
const FIXED = Buffer.from([(8 << 3) | 2, 0, (9 << 3) | 2, 2, (2 << 3) | 2, 0]);

/** Of a field with a number of up to eight bytes, and its name. */
const NUMBER_BYTES_MAX = 10;

export function streamRequest({ stream, from, backward, limit }: StreamRange): Buffer {
  const name = Buffer.from(stream);
  const count = limit ?? Number.MAX_SAFE_INTEGER;
  const place = from === 'end' ? 2 : 1 + varintBytes(from);
  const range = delimited(delimited(name.length)) + place;
  const direction = backward ? 2 : 0;
  const options = delimited(range) + direction + 1 + varintBytes(count) + FIXED.length;
  const out: Output = { to: Buffer.allocUnsafe(options + NUMBER_BYTES_MAX), at: 0 };
  head(out, 1, options);
  head(out, 1, range);
  head(out, 1, delimited(name.length));
  raw(out, 3, name);
  if (from === 'end') head(out, 4, 0);
  else number(out, 2, from);
  if (backward) number(out, 3, 1);
  number(out, 5, count);
  out.at += FIXED.copy(out.to, out.at);
  return out.to.subarray(0, out.at);
}
