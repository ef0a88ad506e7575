/**
 * A record of the log: what the index needs, then the read answer as it goes to every reader, so
 * that an event is encoded once.
 *
 *   size u32 · crc32 of the rest u32 · flags u8 · revision u32 · event id 16 bytes
 *   · stream's bytes u16 · type's bytes u16 · stream · type · the ReadResp message
 *
 * A stretch of events that are only pretended is a record without names and message; its revision
 * is how many they are.
 */
import { crc32 } from 'node:zlib';
import { protobufWriter } from './protobuf.js';

export interface ProposedEvent {
  /** A lower-case UUID. */
  readonly id: string;
  readonly type: string;
  readonly contentType: string;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array;
}

export interface EventRecord extends ProposedEvent {
  readonly stream: string;
  readonly revision: number;
  readonly position: number;
  /** The append ends with this record: a log cut before it is cut at the append's beginning. */
  readonly isLast: boolean;
  readonly writtenAtMs: number;
}

export interface RecordHead {
  readonly size: number;
  readonly isLast: boolean;
  readonly isPretended: boolean;
  readonly revision: number;
  readonly id: string;
  readonly stream: string;
  readonly type: string;
  readonly responseAt: number;
}

/** The revision of the event that says that its stream is gone for ever: the largest there is. */
export const TOMBSTONE_REVISION = 0xffff_ffff;

const TOMBSTONE_ON_THE_WIRE = 0x7fff_ffff_ffff_ffffn;
const CHECKED_AT = 8;
const REVISION_AT = 9;
const ID_AT = 13;
const STREAM_LENGTH_AT = 29;
const TYPE_LENGTH_AT = 31;
const NAMES_AT = 33;
const IS_LAST = 1;
const IS_PRETENDED = 2;
const TICKS_PER_MS = 10_000;
const NO_ID = '00000000-0000-0000-0000-000000000000';

const writer = protobufWriter();

export function encodeRecord(event: EventRecord): Buffer {
  return sealed(event, event.isLast ? IS_LAST : 0, encodeReadResponse(event));
}

export function encodeStretch(count: number): Buffer {
  const names = { stream: '', type: '', id: NO_ID };
  return sealed({ ...names, revision: count }, IS_LAST | IS_PRETENDED, Buffer.alloc(0));
}

type Head = Pick<RecordHead, 'stream' | 'type' | 'id' | 'revision'>;

function sealed(event: Head, flags: number, response: Buffer): Buffer {
  const streamBytes = Buffer.byteLength(event.stream);
  const typeBytes = Buffer.byteLength(event.type);
  const responseAt = NAMES_AT + streamBytes + typeBytes;
  const record = Buffer.allocUnsafe(responseAt + response.length);
  record.writeUInt32LE(record.length, 0);
  record[CHECKED_AT] = flags;
  record.writeUInt32LE(event.revision, REVISION_AT);
  record.write(event.id.replaceAll('-', ''), ID_AT, 'hex');
  record.writeUInt16LE(streamBytes, STREAM_LENGTH_AT);
  record.writeUInt16LE(typeBytes, TYPE_LENGTH_AT);
  record.write(event.stream, NAMES_AT, 'utf8');
  record.write(event.type, NAMES_AT + streamBytes, 'utf8');
  record.set(response, responseAt);
  record.writeUInt32LE(crc32(record.subarray(CHECKED_AT)), 4);
  return record;
}

/** The record at an offset, or undefined when it is not (wholly, or rightly) there. */
export function decodeHead(bytes: Buffer, offset: number): RecordHead | undefined {
  if (offset + NAMES_AT > bytes.length) return undefined;
  const size = bytes.readUInt32LE(offset);
  if (size < NAMES_AT || offset + size > bytes.length) return undefined;
  const record = bytes.subarray(offset, offset + size);
  if (crc32(record.subarray(CHECKED_AT)) !== record.readUInt32LE(4)) return undefined;
  const typeAt = NAMES_AT + record.readUInt16LE(STREAM_LENGTH_AT);
  const responseAt = typeAt + record.readUInt16LE(TYPE_LENGTH_AT);
  return {
    size,
    isLast: ((record[CHECKED_AT] ?? 0) & IS_LAST) !== 0,
    isPretended: ((record[CHECKED_AT] ?? 0) & IS_PRETENDED) !== 0,
    revision: record.readUInt32LE(REVISION_AT),
    id: idOf(record),
    stream: record.toString('utf8', NAMES_AT, typeAt),
    type: record.toString('utf8', typeAt, responseAt),
    responseAt,
  };
}

export function idOf(record: Buffer): string {
  const hex = record.toString('hex', ID_AT, STREAM_LENGTH_AT);
  const groups = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)];
  return [...groups, hex.slice(20)].join('-');
}

/** The whole ReadResp message of a record. */
export function responseOf(record: Buffer): Buffer {
  const names = record.readUInt16LE(STREAM_LENGTH_AT) + record.readUInt16LE(TYPE_LENGTH_AT);
  return record.subarray(NAMES_AT + names);
}

/** Commit and prepare position are the same for everything that is not an explicit transaction. */
export function encodeReadResponse(event: EventRecord): Buffer {
  const readEvent = writer.open(1);
  const recorded = writer.open(1);
  const id = writer.open(1);
  writer.text(2, event.id);
  writer.close(id);
  const stream = writer.open(2);
  writer.text(3, event.stream);
  writer.close(stream);
  writeNumber(3, event.revision === TOMBSTONE_REVISION ? TOMBSTONE_ON_THE_WIRE : event.revision);
  writeNumber(4, event.position);
  writeNumber(5, event.position);
  writeProperty('type', event.type);
  writeProperty('content-type', event.contentType);
  writeProperty('created', `${event.writtenAtMs * TICKS_PER_MS}`);
  writer.bytes(7, event.metadata);
  writer.bytes(8, event.data);
  writer.close(recorded);
  writer.varint(3, event.position);
  writer.close(readEvent);
  return writer.take();
}

/** A zero is not written, as in all of this protocol but where a choice is made by it. */
function writeNumber(field: number, value: number | bigint): void {
  if (value !== 0) writer.varint(field, value);
}

function writeProperty(name: string, value: string): void {
  const property = writer.open(6);
  writer.text(1, name);
  writer.text(2, value);
  writer.close(property);
}
