/** Streams.Read: a piece of a stream or of $all, or a subscription to it. */
import type { ServerWritableStream } from '@grpc/grpc-js';
import type { ReadReq } from '@eventstore/db-client/generated/streams_pb.js';
import streamsPb from '@eventstore/db-client/generated/streams_pb.js';
import type { Knobs } from './behaviour.js';
import { streamIdentifier } from './batch-append.js';
import type { StreamState } from './event-index.js';
import { eventFilter } from './filter.js';
import { invalidArgument, invalidPosition, serverNotReady, streamDeleted } from './statuses.js';
import type { Store } from './store.js';
import { allFeed, streamFeed, type Subscriptions } from './subscriptions.js';

export interface ReadContext {
  readonly store: Store;
  readonly knobs: Knobs;
  readonly subscriptions: Subscriptions;
}

export type ReadCall = ServerWritableStream<ReadReq, Buffer>;

const BACKWARDS = 1;

export function read(context: ReadContext, call: ReadCall): void {
  const options = call.request.getOptions();
  const refuse = (refusal: ReturnType<typeof serverNotReady>) => void call.emit('error', refusal);
  if (context.knobs.strikes('refuse')) return refuse(serverNotReady());
  if (!options) return refuse(invalidArgument('The options are missing.'));
  try {
    const work = options.hasSubscription()
      ? subscribe(context, call, options)
      : send(call, piece(context.store, options));
    work?.catch((error: unknown) => call.emit('error', error));
  } catch (error) {
    if (error instanceof SyntaxError) refuse(invalidArgument(error.message));
    else call.emit('error', error);
  }
}

/** Messages at the pace at which the reader takes them; ends the call behind the last. */
async function send(call: ReadCall, messages: Iterable<Buffer>): Promise<void> {
  for (const message of messages) {
    if (call.cancelled || call.destroyed) return;
    if (!call.write(message)) await drained(call);
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

/** What to read, as messages. Throws a Refusal. */
function piece(store: Store, options: ReadReq.Options): Iterable<Buffer> {
  const count = Math.min(Number(options.getCount()), Number.MAX_SAFE_INTEGER);
  const isBackward = Number(options.getReadDirection()) === BACKWARDS;
  const all = options.getAll();
  if (all) return allPiece(store, options, all, isBackward, count);
  const stream = options.getStream();
  const name = nameIn(stream);
  const state = store.index.stream(name);
  if (state?.isTombstoned) throw streamDeleted(name);
  const [first, last] = readable(store, state);
  if (!stream || !state || last < first) return [notFound(name)];
  return isBackward
    ? streamBackward(store, state, first, stream.hasEnd() ? last : from(stream, last), count)
    : streamForward(store, state, Math.max(first, from(stream, last)), last, count);
}

function from(stream: ReadReq.Options.StreamOptions, last: number): number {
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

/** Forward from a position with the event at it, backward without it. */
function allPiece(
  store: Store,
  options: ReadReq.Options,
  all: ReadReq.Options.AllOptions,
  isBackward: boolean,
  count: number,
): Iterable<Buffer> {
  const { visible } = store;
  const at = all.getPosition();
  const ends = { start: 0, end: visible };
  const place = all.hasEnd() ? 'end' : 'start';
  const start = at ? indexFrom(store, Number(at.getCommitPosition())) : ends[place];
  const wanted = options.getFilter();
  const filter = wanted ? eventFilter(wanted, store.index) : undefined;
  const matches = (index: number) => filter?.matches(index) ?? true;
  return (function* () {
    let left = count;
    if (isBackward) {
      for (let index = Math.min(start, visible) - 1; index >= 0 && left > 0; index--)
        if (matches(index) && left-- > 0) yield store.responseAt(index);
    } else {
      for (let index = start; index < visible && left > 0; index++)
        if (matches(index) && left-- > 0) yield store.responseAt(index);
    }
  })();
}

/** The index of the event at a position; one that is inside a record is refused. */
function indexFrom({ index }: Store, position: number): number {
  const found = index.firstFrom(position);
  const isInside = position > 0 && found < index.count && index.positionAt(found) !== position;
  if (isInside) throw invalidPosition();
  return found;
}

function subscribe(context: ReadContext, call: ReadCall, options: ReadReq.Options): undefined {
  const { store, subscriptions } = context;
  const all = options.getAll();
  if (!all) {
    const stream = options.getStream();
    const name = nameIn(stream);
    if (store.index.stream(name)?.isTombstoned) throw streamDeleted(name);
    const last = store.index.stream(name)?.indexes.length ?? 0;
    const after = stream?.hasRevision() ? Number(stream.getRevision()) + 1 : 0;
    subscriptions.begin(call, streamFeed(store, name, stream?.hasEnd() ? last : after));
    return undefined;
  }
  const wanted = options.getFilter();
  const filter = wanted ? eventFilter(wanted, store.index) : undefined;
  const at = all.getPosition();
  let next = all.hasEnd() ? store.visible : 0;
  if (at) {
    const position = Number(at.getCommitPosition());
    next = indexFrom(store, position);
    if (store.index.positionAt(next) === position) next += 1;
  }
  const skipTo = at ? Number(at.getCommitPosition()) : -1;
  subscriptions.begin(call, allFeed(store, filter, next, skipTo));
  return undefined;
}

function notFound(name: string): Buffer {
  const answer = new streamsPb.ReadResp.StreamNotFound();
  answer.setStreamIdentifier(streamIdentifier(name));
  return Buffer.from(new streamsPb.ReadResp().setStreamNotFound(answer).serializeBinary());
}

const nameIn = (stream: ReadReq.Options.StreamOptions | undefined): string =>
  Buffer.from(stream?.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString();
