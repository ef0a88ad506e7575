/**
 * The messages of the store's protocol, as `@eventstore/db-client` ships them, and our own types.
 * This file and `node-questions.ts` are all that knows the package.
 */
import sharedPb from '@eventstore/db-client/generated/shared_pb.js';
import streamsPb, {
  type BatchAppendResp,
  type ReadReq,
  type ReadResp,
} from '@eventstore/db-client/generated/streams_pb.js';
import { NO_STREAM, type Position } from '../port.js';
import type { LogRow } from '../codec.js';
import { eventIn } from './event-message.js';
import { eachField, textIn } from './message-fields.js';
import type { AppendAnswer, LogRange, ServerFilter } from './log-client.js';

/** Most are events; those that say nothing that is asked for are undefined. */
export type ReadMessage = LogRow | ReadResp | undefined;

export function readIn(message: Buffer): ReadMessage {
  const event = eventIn(message);
  if (event) return event;
  return TOLD.has((message[0] ?? 0) >>> 3)
    ? streamsPb.ReadResp.deserializeBinary(message)
    : undefined;
}

/** A checkpoint, that the end was reached, that it was lost again; each is alone in its message. */
const TOLD = new Set([3, 8, 9]);

interface CorrelatedAnswer {
  readonly correlation: string;
  readonly answer: AppendAnswer;
}

/** Most appends land: what is said of those is read without the generated classes. */
export function answerIn(message: Buffer): CorrelatedAnswer {
  let correlation = '';
  let landed: AppendAnswer | undefined;
  eachField(message, 0, message.length, (field, from, to) => {
    if (field === 1) correlation = textIn(message, from, to, 2);
    else if (field === 3) landed = landedIn(message, from, to);
  });
  const answer = landed ?? answerOf(streamsPb.BatchAppendResp.deserializeBinary(message));
  return { correlation, answer };
}

/** A zero is not written; a stream without events is not an answer to events. */
function landedIn(message: Buffer, from: number, to: number): AppendAnswer {
  let revision = 0;
  let position: Position | undefined;
  eachField(message, from, to, (field, start, end, value) => {
    if (field === 1) revision = value;
    else if (field === 3) position = commitIn(message, start, end);
  });
  return { kind: 'landed', revision, position };
}

function commitIn(message: Buffer, from: number, to: number): Position {
  let commit = 0;
  eachField(message, from, to, (field, _from, _to, value) => {
    if (field === 1) commit = value;
  });
  return BigInt(commit);
}

function answerOf(message: BatchAppendResp): AppendAnswer {
  const error = message.getError();
  const details = error?.getDetails();
  const name = details?.getTypeName() ?? '';
  const read = (bytes: Uint8Array) => sharedPb.WrongExpectedVersion.deserializeBinary(bytes);
  if (details && name === 'event_store.client.WrongExpectedVersion') {
    const wrong = details.unpack(read, name);
    const known = wrong?.hasCurrentStreamRevision();
    const actualRevision = known ? Number(wrong?.getCurrentStreamRevision()) : NO_STREAM;
    return { kind: 'elsewhere', actualRevision };
  }
  const reason = `${name.split('.').at(-1) ?? ''} ${error?.getMessage() ?? ''}`.trim();
  return { kind: REFUSALS.has(name) ? 'refused' : 'unknown', reason: reason || 'no answer' };
}

/**
 * After the others (Timeout, Unknown, and AccessDenied, where rights were taken for now) the append
 * may land yet.
 */
const REFUSALS = new Set(
  [
    'BadRequest',
    'MaximumAppendEventSizeExceeded',
    'MaximumAppendSizeExceeded',
    'StreamDeleted',
  ].map((name) => `event_store.client.${name}`),
);

export function logRequest({ from, limit, filter }: LogRange): ReadReq {
  const options = optionsOf(from === 'end', limit);
  options.setAll(placeOf(from));
  if (filter === 'everything') options.setNoFilter(new sharedPb.Empty());
  else options.setFilter(filterOf(filter, SEARCH_WINDOW));
  return requestOf(options);
}

export function followRequest(
  after: Position,
  filter: ServerFilter,
  window = SEARCH_WINDOW,
): ReadReq {
  const options = optionsOf(false, Number.MAX_SAFE_INTEGER);
  options.setAll(placeOf(after));
  options.setSubscription(new streamsPb.ReadReq.Options.SubscriptionOptions());
  options.setFilter(filterOf(filter, window));
  return requestOf(options);
}

/** Undefined for the number that some servers send when they know of no position. */
export function checkpointIn(message: ReadResp): Position | undefined {
  const position = BigInt(message.getCheckpoint()?.getCommitPosition() ?? -1);
  return position <= POSITION_MAX ? position : undefined;
}

/** Positions are offsets in the server's log, which counts them in 63 bits. */
export const POSITION_MAX = 2n ** 63n - 1n;

function requestOf(options: ReadReq.Options): ReadReq {
  const request = new streamsPb.ReadReq();
  request.setOptions(options);
  return request;
}

function optionsOf(backward: boolean, limit: number): ReadReq.Options {
  const ids = new streamsPb.ReadReq.Options.UUIDOption();
  ids.setString(new sharedPb.Empty());
  const options = new streamsPb.ReadReq.Options();
  options.setReadDirection(backward ? 1 : 0);
  options.setResolveLinks(false);
  options.setCount(String(limit));
  options.setUuidOption(ids);
  return options;
}

function placeOf(place: Position | 'end'): ReadReq.Options.AllOptions {
  const all = new streamsPb.ReadReq.Options.AllOptions();
  if (place === 'end') all.setEnd(new sharedPb.Empty());
  else if (place < 0n) all.setStart(new sharedPb.Empty());
  else {
    const at = new streamsPb.ReadReq.Options.Position();
    at.setCommitPosition(String(place));
    at.setPreparePosition(String(place));
    all.setPosition(at);
  }
  return all;
}

/** So many events are looked at between two checkpoints of a filter that passes none. */
const SEARCH_WINDOW = 512;

/** Never passes the server's own events. */
function filterOf(
  { streamPrefixes, typePrefixes }: ServerFilter,
  window: number,
): ReadReq.Options.FilterOptions {
  const filter = new streamsPb.ReadReq.Options.FilterOptions();
  const expression = new streamsPb.ReadReq.Options.FilterOptions.Expression();
  filter.setMax(window);
  filter.setCheckpointintervalmultiplier(1);
  if (streamPrefixes) expression.setPrefixList([...streamPrefixes]);
  else if (typePrefixes) expression.setPrefixList([...typePrefixes]);
  else expression.setRegex('^[^$].*');
  if (streamPrefixes) filter.setStreamIdentifier(expression);
  else filter.setEventType(expression);
  return filter;
}
