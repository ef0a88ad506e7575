/** The messages of Streams.BatchAppend: the client's requests, and the server's answers. */
import anyPb from 'google-protobuf/google/protobuf/any_pb.js';
import emptyPb from 'google-protobuf/google/protobuf/empty_pb.js';
import sharedPb from '@eventstore/db-client/generated/shared_pb.js';
import statusPb from '@eventstore/db-client/generated/status_pb.js';
import streamsPb from '@eventstore/db-client/generated/streams_pb.js';
import { NO_STREAM, type Expected } from './commit-check.js';
import { eachField, protobufWriter } from './protobuf.js';
import type { ProposedEvent } from './record.js';
import type { AppendResult } from './store.js';

/** An append may come in several parts; the first has the options, the last is final. */
export interface BatchPart {
  readonly correlationId: string;
  readonly options: BatchOptions | undefined;
  readonly events: readonly ProposedEvent[];
  readonly isFinal: boolean;
}

export interface BatchOptions {
  readonly stream: string;
  readonly expected: Expected;
  readonly deadlineMs: number;
}

export interface PendingAppend extends BatchOptions {
  readonly correlationId: string;
}

export interface TooLarge {
  readonly id: string;
  readonly bytes: number;
  readonly bytesMax: number;
}

export type AppendError =
  | { readonly is: 'timeout' }
  | { readonly is: 'too-large'; readonly bytesMax: number }
  /** The first two are not understood by the client, which makes unknown errors of them. */
  | { readonly is: 'busy' | 'not-ready' }
  | { readonly is: 'access-denied' }
  | { readonly is: 'event-too-large'; readonly event: TooLarge }
  | { readonly is: 'bad-request'; readonly message: string };

type Failure = AppendError | Exclude<AppendResult, { readonly status: 'success' }>;
type Landed = AppendResult | AppendError;

const NOTHING = Buffer.alloc(0);
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const writer = protobufWriter();

export function decodeBatchPart(message: Buffer): BatchPart {
  let correlationId = '';
  let options: BatchOptions | undefined;
  const events: ProposedEvent[] = [];
  let isFinal = false;
  eachField(message, (field, bytes, value) => {
    if (field === 1) correlationId = uuidIn(bytes);
    else if (field === 2) options = decodeOptions(bytes);
    else if (field === 3) events.push(decodeProposed(bytes));
    else if (field === 4) isFinal = value !== 0;
  });
  return { correlationId, options, events, isFinal };
}

export function encodeBatchAnswer(append: PendingAppend, result: Landed): Buffer {
  if ('is' in result || result.status !== 'success') return encodeBatchFailure(append, result);
  const id = writer.open(1);
  writer.text(2, append.correlationId);
  writer.close(id);
  const success = writer.open(3);
  if (result.revision === NO_STREAM) writer.bytes(2, NOTHING);
  else writer.varint(1, result.revision);
  if (result.position === undefined) writer.bytes(4, NOTHING);
  else {
    const position = writer.open(3);
    writer.varint(1, result.position);
    writer.varint(2, result.position);
    writer.close(position);
  }
  writer.close(success);
  const stream = writer.open(4);
  writer.text(3, append.stream);
  writer.close(stream);
  return writer.take();
}

export function encodeBatchFailure(append: PendingAppend, failure: Failure): Buffer {
  const answer = new streamsPb.BatchAppendResp()
    .setCorrelationId(new sharedPb.UUID().setString(append.correlationId))
    .setStreamIdentifier(streamIdentifier(append.stream))
    .setError(statusOf(append, failure));
  return Buffer.from(answer.serializeBinary());
}

export const streamIdentifier = (stream: string) =>
  new sharedPb.StreamIdentifier().setStreamName(Buffer.from(stream));

/** The names are those of google.rpc.Code, which the status carries as a number. */
const CODES = {
  ok: 0,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
};

function statusOf(append: PendingAppend, failure: Failure): InstanceType<typeof statusPb.Status> {
  const kind = 'is' in failure ? failure.is : failure.status;
  const prefix = 'event_store.client.';
  switch (kind) {
    case 'wrong-expected-version': {
      const current = 'currentRevision' in failure ? failure.currentRevision : NO_STREAM;
      const details = wrongExpectedVersion(append.expected, current).serializeBinary();
      const message = 'WrongExpectedVersion';
      return status(CODES.alreadyExists, message, prefix + message, details);
    }
    case 'stream-deleted': {
      const deleted = new sharedPb.StreamDeleted();
      deleted.setStreamIdentifier(streamIdentifier(append.stream));
      const details = deleted.serializeBinary();
      return status(CODES.notFound, 'StreamDeleted', `${prefix}StreamDeleted`, details);
    }
    case 'dropped':
    case 'timeout': {
      const details = new sharedPb.Timeout().serializeBinary();
      return status(CODES.deadlineExceeded, 'Timeout', `${prefix}Timeout`, details);
    }
    case 'too-large': {
      const bytesMax = 'bytesMax' in failure ? failure.bytesMax : 0;
      const exceeded = new sharedPb.MaximumAppendSizeExceeded().setMaxappendsize(bytesMax);
      const message = 'MaximumAppendSizeExceeded';
      return status(CODES.invalidArgument, message, prefix + message, exceeded.serializeBinary());
    }
    case 'event-too-large': {
      const details = 'event' in failure ? tooLargeDetails(failure.event) : NOTHING;
      const message = 'MaximumAppendEventSizeExceeded';
      return status(CODES.invalidArgument, message, prefix + message, details);
    }
    case 'bad-request': {
      const bad = new sharedPb.BadRequest().setMessage('message' in failure ? failure.message : '');
      const details = bad.serializeBinary();
      return status(CODES.invalidArgument, 'BadRequest', `${prefix}BadRequest`, details);
    }
    case 'access-denied': {
      const details = new sharedPb.AccessDenied().serializeBinary();
      return status(CODES.permissionDenied, 'AccessDenied', `${prefix}AccessDenied`, details);
    }
    case 'busy':
      return notHandled('Server Is Busy');
    case 'not-ready':
      return notHandled('Server Is Not Ready');
  }
}

/** The client's definitions are older than this message. */
function tooLargeDetails({ id, bytes, bytesMax }: TooLarge): Buffer {
  writer.text(1, id);
  writer.varint(2, bytes);
  writer.varint(3, bytesMax);
  return writer.take();
}

/** A refusal that has no code but its words. */
function notHandled(message: string) {
  const details = new emptyPb.Empty().serializeBinary();
  return status(CODES.ok, message, 'google.protobuf.Empty', details);
}

function status(code: number, message: string, typeName: string, details: Uint8Array) {
  const any = new anyPb.Any();
  any.pack(details, typeName);
  return new statusPb.Status().setCode(code).setMessage(message).setDetails(any);
}

function wrongExpectedVersion(expected: Expected, current: number) {
  const details = new sharedPb.WrongExpectedVersion();
  if (expected === 'any') details.setExpectedAny(new emptyPb.Empty());
  else if (expected === 'no_stream') details.setExpectedNoStream(new emptyPb.Empty());
  else if (expected === 'stream_exists') details.setExpectedStreamExists(new emptyPb.Empty());
  else details.setExpectedStreamPosition(`${expected}`);
  if (current === NO_STREAM) details.setCurrentNoStream(new emptyPb.Empty());
  else details.setCurrentStreamRevision(`${current}`);
  return details;
}

function decodeOptions(message: Buffer): BatchOptions {
  let stream = '';
  let expected: Expected = 'any';
  let deadlineMs = Infinity;
  eachField(message, (field, bytes, value) => {
    if (field === 1) stream = textIn(bytes, 3);
    else if (field === 2) expected = value;
    else if (field === 3) expected = 'no_stream';
    else if (field === 4) expected = 'any';
    else if (field === 5) expected = 'stream_exists';
    else if (field === 6) deadlineMs = timestampMs(bytes);
  });
  return { stream, expected, deadlineMs };
}

function decodeProposed(message: Buffer): ProposedEvent {
  let id = '';
  let type = '';
  let contentType = '';
  let data: Buffer = NOTHING;
  let metadata: Buffer = NOTHING;
  eachField(message, (field, bytes) => {
    if (field === 1) id = uuidIn(bytes);
    else if (field === 3) metadata = bytes;
    else if (field === 4) data = bytes;
    else if (field === 2) {
      const [name, text] = [textIn(bytes, 1), textIn(bytes, 2)];
      if (name === 'type') type = text;
      else if (name === 'content-type') contentType = text;
    }
  });
  return { id, type, contentType, data, metadata };
}

function uuidIn(message: Buffer): string {
  const id = textIn(message, 2).toLowerCase();
  if (!UUID.test(id)) throw new Error(`'${id}' is not a UUID written as text`);
  return id;
}

function textIn(message: Buffer, wanted: number): string {
  let text = '';
  eachField(message, (field, bytes) => {
    if (field === wanted) text = bytes.toString('utf8');
  });
  return text;
}

function timestampMs(message: Buffer): number {
  let ms = 0;
  eachField(message, (field, _, value) => {
    if (field === 1) ms += value * 1000;
    else if (field === 2) ms += value / 1_000_000;
  });
  return ms;
}
