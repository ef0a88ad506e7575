/**
 * An append as the store's protocol has it (`BatchAppendReq`, package event_store.client.streams),
 * written straight from the codec's text: generated classes cost several times as much, and the
 * appends are what a command waits for. The specs hold it against the generated reader.
 */
import type { EncodedEvent } from '../codec.js';
import { NO_STREAM } from '../port.js';
import type { EncodedAppend } from '../unit.js';
import { delimited, head, number, raw, text, varintBytes, type Output } from './message-writing.js';

/**
 * What the server counts against its limit: the bytes of data and metadata, and the type's name as
 * two bytes a character.
 */
export const APPEND_BYTES_MAX = 1024 * 1024;

export const countedBytes = ({ events }: EncodedAppend): number =>
  events.reduce(
    (bytes, { type, data, metadata }) =>
      bytes + Buffer.byteLength(data) + Buffer.byteLength(metadata) + 2 * type.length,
    0,
  );

/** `correlation` comes back with the answer; past the deadline the server refuses by itself. */
export function appendMessage(
  correlation: string,
  append: EncodedAppend,
  deadlineMs: number,
): Buffer {
  const options = optionsOf(append, deadlineMs);
  const sizes = append.events.map(sizesOf);
  let bytes = delimited(delimited(correlation.length)) + delimited(options.length) + 2;
  for (const { event } of sizes) bytes += delimited(event);
  const out = { to: Buffer.allocUnsafe(bytes), at: 0 };
  head(out, 1, delimited(correlation.length));
  text(out, 2, correlation, correlation.length);
  raw(out, 2, options);
  append.events.forEach((event, index) => {
    const size = sizes[index];
    if (size) writeEvent(out, event, size);
  });
  out.to[out.at++] = 4 << 3;
  out.to[out.at++] = 1;
  return out.to;
}

interface Sizes {
  readonly id: number;
  readonly data: number;
  readonly metadata: number;
  readonly event: number;
}

const entryBytes = (key: string, value: string): number =>
  delimited(key.length) + delimited(value.length);

/** Keys, types and content types are plain ASCII. */
function mapEntry(out: Output, key: string, value: string): void {
  head(out, 2, entryBytes(key, value));
  text(out, 1, key, key.length);
  text(out, 2, value, value.length);
}

const JSON_ENTRY = (() => {
  const [key, value] = ['content-type', 'application/json'] as const;
  const out = { to: Buffer.alloc(delimited(entryBytes(key, value))), at: 0 };
  mapEntry(out, key, value);
  return out.to;
})();

function sizesOf(event: EncodedEvent): Sizes {
  const id = delimited(event.id.length);
  const data = Buffer.byteLength(event.data);
  const metadata = Buffer.byteLength(event.metadata);
  const entries = delimited(entryBytes('type', event.type)) + JSON_ENTRY.length;
  return {
    id,
    data,
    metadata,
    event: delimited(id) + entries + delimited(metadata) + delimited(data),
  };
}

function writeEvent(out: Output, event: EncodedEvent, size: Sizes): void {
  head(out, 3, size.event);
  head(out, 1, size.id);
  text(out, 2, event.id, event.id.length);
  mapEntry(out, 'type', event.type);
  out.at += JSON_ENTRY.copy(out.to, out.at);
  text(out, 3, event.metadata, size.metadata);
  text(out, 4, event.data, size.data);
}

function optionsOf({ stream, expectedRevision }: EncodedAppend, deadlineMs: number): Buffer {
  const name = Buffer.from(stream);
  const seconds = Math.floor(deadlineMs / 1000);
  const out = { to: Buffer.allocUnsafe(name.length + 64), at: 0 };
  head(out, 1, delimited(name.length));
  raw(out, 3, name);
  if (expectedRevision === NO_STREAM) head(out, 3, 0);
  else number(out, 2, expectedRevision);
  head(out, 6, 1 + varintBytes(seconds));
  number(out, 1, seconds);
  return out.to.subarray(0, out.at);
}
