/** The rules of a stream, kept as the last event of its metadata stream `$$name`. */
import { randomUUID } from 'node:crypto';
import type { EventIndex, StreamState } from './event-index.js';
import { eachField } from './protobuf.js';
import type { ProposedEvent } from './record.js';

/** What a deleted stream is truncated before: the largest revision there is. */
const ALL_OF_IT = 9_223_372_036_854_775_807n;
const NOTHING = Buffer.alloc(0);

export const metadataStreamOf = (stream: string): string => `$$${stream}`;

export const describedStream = (name: string): string | undefined =>
  name.startsWith('$$') ? name.slice(2) : undefined;

/** `undefined` deletes the whole stream; its next event then says where it begins again. */
export function truncation(before: number | undefined): ProposedEvent {
  return systemEvent('$metadata', `{"$tb":${before ?? ALL_OF_IT}}`);
}

export function systemEvent(type: string, json: string): ProposedEvent {
  const data = Buffer.from(json);
  return { id: randomUUID(), type, contentType: 'application/json', data, metadata: NOTHING };
}

/** Sets a stream's rules from the metadata event that a read answer carries. */
export function obeyMetadata(stream: StreamState, response: Buffer): void {
  const rules = rulesIn(dataOf(response));
  const before = typeof rules['$tb'] === 'number' ? rules['$tb'] : 0;
  stream.truncateBefore = before > Number.MAX_SAFE_INTEGER ? Infinity : before;
  stream.maxCount = typeof rules['$maxCount'] === 'number' ? rules['$maxCount'] : Infinity;
}

interface Rules {
  readonly index: EventIndex;
  readonly responseAt: (index: number) => Buffer;
}

/** What the last event of a stream of rules says; nothing for a stream that is not there. */
export function rulesOf(
  { index, responseAt }: Rules,
  name: string,
): Readonly<Record<string, unknown>> {
  const at = index.stream(name)?.indexes.at(-1);
  return at === undefined ? {} : rulesIn(dataOf(responseAt(at)));
}

/** Anybody may write into a metadata stream; what is no JSON object is no rule. */
function rulesIn(data: Buffer): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(data.toString('utf8'));
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** ReadResp.event (1) → ReadEvent.event (1) → RecordedEvent.data (8). */
function dataOf(response: Buffer): Buffer {
  return [1, 1, 8].reduce((message, wanted) => {
    let found: Buffer = NOTHING;
    eachField(message, (field, bytes) => {
      if (field === wanted) found = bytes;
    });
    return found;
  }, response);
}
