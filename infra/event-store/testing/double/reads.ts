/** Streams.Read: a piece of a stream or of $all, or a subscription to it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReadReq } from '@eventstore/db-client/generated/streams_pb.js';
import streamsPb from '@eventstore/db-client/generated/streams_pb.js';
import type { Access } from './access.js';
import type { Knobs } from './behaviour.js';
import { streamIdentifier } from './batch-append.js';
import type { StreamState } from './event-index.js';
import { eventFilter, type EventFilter } from './filter.js';
import { refusalOf as refusalBy, type NodeState } from './node-state.js';
import {
  exceptionThrown,
  invalidArgument,
  serverNotReady,
  streamDeleted,
  unexpectedResult,
  type Refusal,
} from './statuses.js';
import { openPassing, type Passing } from './passing.js';
import type { ReadCall } from './outbox.js';
import { waysOf } from './server-versions.js';
import type { Store } from './store.js';
import { allSource, streamSource, type Source } from './sources.js';
import type { Start } from './subscribers.js';
import type { Subscriptions } from './subscriptions.js';

export interface ReadContext {
  readonly store: Store;
  readonly knobs: Knobs;
  readonly node: NodeState;
  readonly access: Access;
  readonly subscriptions: Subscriptions;
}

const BACKWARDS = 1;

export function read(context: ReadContext, call: ReadCall): void {
  const options = call.request.getOptions();
  const refused = refusalOf(context, call, options);
  if (refused) call.emit('error', refused);
}

function refusalOf(
  { store, knobs, node, access, subscriptions }: ReadContext,
  call: ReadCall,
  options: ReadReq.Options | undefined,
): Refusal | undefined {
  if (knobs.strikes('refuse')) return serverNotReady();
  const needsLeader = call.metadata.get('requires-leader')[0] === 'true';
  const refused = refusalBy(node, { isWrite: false, needsLeader });
  if (refused) return refused;
  if (!options) return invalidArgument('The options are missing.');
  const caller = access.callerOf(call.metadata);
  if (caller && 'code' in caller) return caller;
  const denied = access.refusal(
    caller,
    '$r',
    options.hasAll() ? '$all' : nameIn(options.getStream()),
  );
  if (denied) return denied;
  const filter = filterIn(store, options);
  if (filter && 'code' in filter) return filter;
  if (options.hasSubscription()) {
    const begun = subscribed(store, knobs, options, filter);
    if ('code' in begun) return begun;
    subscriptions.begin(call, begun.source, begun.start);
  } else {
    const messages = piece(store, knobs, options, filter);
    if ('code' in messages) return messages;
    send(call, messages).catch((error: unknown) => call.emit('error', error));
  }
  return undefined;
}

function filterIn(store: Store, options: ReadReq.Options): EventFilter | Refusal | undefined {
  const wanted = options.getFilter();
  if (!wanted) return undefined;
  try {
    return eventFilter(wanted, store.index);
  } catch (error) {
    if (error instanceof SyntaxError) return invalidArgument(error.message);
    throw error;
  }
}

/** Messages at the pace at which the reader takes them, and pauses; then ends the call. */
async function send(call: ReadCall, messages: Iterable<Buffer | number>): Promise<void> {
  for (const message of messages) {
    if (call.cancelled || call.destroyed) return;
    if (typeof message === 'number') await sleep(message);
    else if (!call.write(message)) await drained(call);
  }
  call.end();
}

function drained(call: ReadCall): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of EVENTS) call.off(event, done);
      resolve();
    };
    const EVENTS = ['drain', 'cancelled', 'close', 'error'] as const;
    for (const event of EVENTS) call.on(event, done);
  });
}

function piece(
  store: Store,
  knobs: Knobs,
  options: ReadReq.Options,
  filter: EventFilter | undefined,
): Iterable<Buffer | number> | Refusal {
  const count = Math.min(Number(options.getCount()), Number.MAX_SAFE_INTEGER);
  const isBackward = Number(options.getReadDirection()) === BACKWARDS;
  const all = options.getAll();
  if (all) {
    const place = placeIn(store, all);
    const type = filter ? 'FilteredReadAllResult' : 'ReadAllResult';
    if (!place.isValid)
      return unexpectedResult(type, waysOf(knobs.now.serverVersion).invalidPosition);
    return allPiece(store, { filter, passing: openPassing(knobs) }, place.index, isBackward, count);
  }
  const stream = options.getStream();
  const name = nameIn(stream);
  const state = store.index.stream(name);
  if (state?.isTombstoned) return streamDeleted(name);
  const [first, last] = readable(store, state);
  if (!stream || !state || last < first) return [notFound(name)];
  const start = startIn(stream, last);
  return isBackward
    ? streamBackward(store, state, first, Math.min(start, last), count)
    : streamForward(store, state, Math.max(first, start), last, count);
}

/** A forward read from the end finds nothing, a backward one begins at the last event. */
function startIn(stream: ReadReq.Options.StreamOptions, last: number): number {
  if (stream.hasEnd()) return last + 1;
  return stream.hasRevision() ? Number(stream.getRevision()) : 0;
}

/** The first and last revision that a reader may see. */
function readable(store: Store, state: StreamState | undefined): readonly [number, number] {
  let count = state?.indexes.length ?? 0;
  while (count > 0 && (state?.indexes[count - 1] ?? 0) >= store.visible) count -= 1;
  const { truncateBefore = 0, maxCount = Infinity } = state ?? {};
  return [Math.max(truncateBefore, count - maxCount, 0), count - 1];
}

function* streamForward(
  store: Store,
  { indexes }: StreamState,
  first: number,
  last: number,
  count: number,
): Iterable<Buffer> {
  const end = Math.min(last, first + count - 1);
  for (let revision = first; revision <= end; revision++)
    yield store.responseAt(indexes[revision] ?? 0);
}

function* streamBackward(
  store: Store,
  { indexes }: StreamState,
  first: number,
  start: number,
  count: number,
): Iterable<Buffer> {
  const end = Math.max(first, start - count + 1);
  for (let revision = start; revision >= end; revision--) {
    const index = indexes[revision];
    if (index !== undefined && index < store.visible) yield store.responseAt(index);
  }
}

/** Forward with the event at the place, backward without it. */
function* allPiece(
  store: Store,
  { filter, passing }: Scanned,
  start: number,
  isBackward: boolean,
  count: number,
): Iterable<Buffer | number> {
  const { visible } = store;
  const step = isBackward ? -1 : 1;
  let at = isBackward ? Math.min(start, visible) - 1 : start;
  for (let left = count; at >= 0 && at < visible; at += step) {
    if (!filter || filter.matches(at)) {
      // With a filter the server ends the call only when it finds one more than was asked for.
      if (left === 0) return;
      left -= 1;
      yield store.responseAt(at);
      if (left === 0 && !filter) return;
      continue;
    }
    passing.passed(1);
    const pauseMs = passing.takeMs();
    if (pauseMs > 0) yield pauseMs;
  }
}

interface Scanned {
  readonly filter: EventFilter | undefined;
  readonly passing: Passing;
}

interface Place {
  /** The first event at or behind the position. */
  readonly index: number;
  readonly isExact: boolean;
  /** False inside a record that is not the last one; behind all of them nothing is looked at. */
  readonly isValid: boolean;
  readonly position: number;
}

/** Where in $all a request points. */
function placeIn({ index, visible }: Store, all: ReadReq.Options.AllOptions): Place {
  const asked = all.getPosition();
  if (!asked && all.hasEnd()) {
    const position = visible > 0 ? index.positionAt(visible - 1) : -1;
    return { index: visible, isExact: false, isValid: true, position };
  }
  if (!asked) return { index: 0, isExact: false, isValid: true, position: -1 };
  const position = Number(asked.getCommitPosition());
  const found = index.firstFrom(position);
  const isExact = index.positionAt(found) === position;
  return { index: found, isExact, isValid: position <= 0 || found >= visible || isExact, position };
}

interface Begun {
  readonly source: Source;
  readonly start: Start;
}

function subscribed(
  store: Store,
  knobs: Knobs,
  options: ReadReq.Options,
  filter: EventFilter | undefined,
): Begun | Refusal {
  const all = options.getAll();
  const passing = openPassing(knobs);
  if (all) {
    const { index, isExact, isValid, position } = placeIn(store, all);
    if (!isValid && !waysOf(knobs.now.serverVersion).fallsBehind) return exceptionThrown();
    const place = isExact ? index + 1 : index;
    return { source: allSource(store, filter, passing), start: { place, position, isValid } };
  }
  const stream = options.getStream();
  const name = nameIn(stream);
  const state = store.index.stream(name);
  if (state?.isTombstoned) return streamDeleted(name);
  const after = stream?.hasRevision() ? Number(stream.getRevision()) + 1 : 0;
  const place = stream?.hasEnd() ? (state?.indexes.length ?? 0) : after;
  const source = streamSource(store, name, passing);
  return { source, start: { place, position: place - 1, isValid: true } };
}

function notFound(name: string): Buffer {
  const answer = new streamsPb.ReadResp.StreamNotFound();
  answer.setStreamIdentifier(streamIdentifier(name));
  return Buffer.from(new streamsPb.ReadResp().setStreamNotFound(answer).serializeBinary());
}

const nameIn = (stream: ReadReq.Options.StreamOptions | undefined): string =>
  Buffer.from(stream?.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString();
