/** Streams.BatchAppend and Streams.Append, with the faults that may strike an append. */
import { setTimeout as sleep } from 'node:timers/promises';
import { status, type Metadata } from '@grpc/grpc-js';
import type { sendUnaryData, ServerDuplexStream, ServerReadableStream } from '@grpc/grpc-js';
import type { AppendReq } from '@eventstore/db-client/generated/streams_pb.js';
import sharedPb from '@eventstore/db-client/generated/shared_pb.js';
import streamsPb from '@eventstore/db-client/generated/streams_pb.js';
import {
  encodeBatchAnswer,
  encodeBatchFailure,
  type BatchPart,
  type PendingAppend,
  type TooLarge,
} from './batch-append.js';
import type { Access, Caller } from './access.js';
import type { Knobs } from './behaviour.js';
import { NO_STREAM, type Expected } from './commit-check.js';
import type { GivenUp, TIMED_OUT } from './given-up.js';
import { losesWrites, refusalOf, type Asked, type NodeState } from './node-state.js';
import type { ProposedEvent } from './record.js';
import { waysOf } from './server-versions.js';
import {
  appendTimedOut,
  appendTooLarge,
  invalidArgument,
  notLeader,
  serverNotReady,
  serverTooBusy,
  streamDeleted,
  type Refusal,
} from './statuses.js';
import type { AppendResult, Store } from './store.js';

export interface AppendContext {
  readonly store: Store;
  readonly knobs: Knobs;
  readonly node: NodeState;
  readonly access: Access;
  readonly port: () => number;
  readonly appended: () => void;
  readonly givenUp: GivenUp;
}

type Landing = AppendResult | typeof TIMED_OUT;

interface Collected extends PendingAppend {
  readonly events: ProposedEvent[];
  bytes: number;
}

type BatchCall = ServerDuplexStream<BatchPart, Buffer>;

export function batchAppend(context: AppendContext, call: BatchCall): void {
  const caller = context.access.callerOf(call.metadata);
  if (caller && 'code' in caller) return void call.emit('error', caller);
  const asked = askedBy(call.metadata);
  const pending = new Map<string, Collected>();
  let running = 0;
  let isEnding = false;
  const endWhenDone = () => {
    if (isEnding && running === 0) call.end();
  };
  call.on('data', (part: BatchPart) => {
    const append = collect({ ...context, caller }, call, pending, part);
    if (!append || !part.isFinal || !pending.delete(part.correlationId)) return;
    running += 1;
    answerBatch(context, call, append, asked)
      .finally(() => {
        running -= 1;
        endWhenDone();
      })
      .catch((error: unknown) => call.emit('error', failed(error)));
  });
  call.on('end', () => {
    isEnding = true;
    endWhenDone();
  });
  call.on('error', () => pending.clear());
}

/** Adds a part to its append, or answers why there will be none. */
function collect(
  { knobs, access, caller }: AppendContext & { readonly caller: Caller | undefined },
  call: BatchCall,
  pending: Map<string, Collected>,
  { correlationId, options, events }: BatchPart,
): Collected | undefined {
  if (options) {
    const append = { ...options, correlationId, events: [], bytes: 0 };
    if (access.refusal(caller, '$w', options.stream)) {
      call.write(encodeBatchFailure(append, { is: 'access-denied' }));
      return undefined;
    }
    if (options.stream === '') {
      const message = 'Required field StreamIdentifier not set.';
      call.write(encodeBatchFailure(append, { is: 'bad-request', message }));
      return undefined;
    }
    if (options.deadlineMs <= Date.now()) {
      call.write(encodeBatchFailure(append, { is: 'timeout' }));
      return undefined;
    }
    pending.set(correlationId, append);
  }
  const append = pending.get(correlationId);
  if (!append) return undefined;
  for (const event of events) append.events.push(event);
  const event = tooLargeIn(knobs, events);
  if (event) {
    pending.delete(correlationId);
    call.write(encodeBatchFailure(append, { is: 'event-too-large', event }));
    return undefined;
  }
  append.bytes += events.reduce((sum, event) => sum + countedBytes(event), 0);
  const bytesMax = knobs.now.appendBytesMax;
  if (append.bytes <= bytesMax) return append;
  pending.delete(correlationId);
  call.write(encodeBatchFailure(append, { is: 'too-large', bytesMax }));
  return undefined;
}

async function answerBatch(
  context: AppendContext,
  call: BatchCall,
  append: Collected,
  asked: Asked,
) {
  const { knobs, node, port } = context;
  const refused = refusalOf(node, asked);
  if (knobs.strikes('silence')) return;
  if (knobs.strikes('busy')) {
    call.write(encodeBatchFailure(append, { is: 'busy' }));
  } else if (knobs.strikes('notReady') || refused?.code === status.UNAVAILABLE) {
    call.write(encodeBatchFailure(append, { is: 'not-ready' }));
  } else if (refused) {
    call.emit('error', refused);
  } else if (knobs.strikes('refuse')) {
    call.emit('error', serverNotReady());
  } else if (knobs.strikes('notLeader')) {
    call.emit('error', notLeader('127.0.0.1', port()));
  } else {
    const result = await land(context, append.stream, append.expected, append.events);
    if (!result || call.cancelled) return;
    call.write(encodeBatchAnswer(append, result));
  }
}

export function appendOne(
  context: AppendContext,
  call: ServerReadableStream<AppendReq, InstanceType<typeof streamsPb.AppendResp>>,
  callback: sendUnaryData<InstanceType<typeof streamsPb.AppendResp>>,
): void {
  let options: AppendReq.Options | undefined;
  const events: ProposedEvent[] = [];
  call.on('data', (request: AppendReq) => {
    options ??= request.getOptions();
    const message = request.getProposedMessage();
    if (message) events.push(proposedOf(message));
  });
  call.on('end', () => {
    if (!options) return callback(invalidArgument('The first message must be the options.'));
    const caller = context.access.callerOf(call.metadata);
    if (caller && 'code' in caller) return callback(caller);
    const asked = askedBy(call.metadata);
    answerOne(context, { caller, asked }, options, events).then(
      (answer) => answer && ('code' in answer ? callback(answer) : callback(null, answer)),
      (error: unknown) => callback(failed(error)),
    );
  });
}

async function answerOne(
  context: AppendContext,
  { caller, asked }: { readonly caller: Caller | undefined; readonly asked: Asked },
  options: AppendReq.Options,
  events: readonly ProposedEvent[],
): Promise<InstanceType<typeof streamsPb.AppendResp> | Refusal | undefined> {
  const { knobs, node, port } = context;
  const stream = Buffer.from(options.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString();
  const denied = context.access.refusal(caller, '$w', stream);
  if (denied) return denied;
  const bytesMax = knobs.now.appendBytesMax;
  if (events.reduce((sum, event) => sum + countedBytes(event), 0) > bytesMax)
    return appendTooLarge(bytesMax);
  if (knobs.strikes('silence')) return undefined;
  if (knobs.strikes('busy')) return serverTooBusy();
  if (knobs.strikes('refuse') || knobs.strikes('notReady')) return serverNotReady();
  const refused = refusalOf(node, asked);
  if (refused) return refused;
  if (knobs.strikes('notLeader')) return notLeader('127.0.0.1', port());
  const expected = expectedOf(options);
  const result = await land(context, stream, expected, events);
  if (!result) return undefined;
  if ('is' in result || result.status === 'dropped') return appendTimedOut();
  if (result.status === 'stream-deleted') return streamDeleted(stream);
  const answer = new streamsPb.AppendResp();
  return result.status === 'success'
    ? answer.setSuccess(successOf(result))
    : answer.setWrongExpectedVersion(conflictOf(expected, result.currentRevision));
}

const askedBy = (metadata: Metadata): Asked => ({
  isWrite: true,
  needsLeader: metadata.get('requires-leader')[0] === 'true',
});

/** Undefined when the answer is to be kept back. */
async function land(
  { store, knobs, node, appended, givenUp }: AppendContext,
  stream: string,
  expected: Expected,
  events: readonly ProposedEvent[],
): Promise<Landing | undefined> {
  if (losesWrites(node)) return givenUp.within(new Promise(() => undefined));
  const isSilent = knobs.strikes('commitThenSilence');
  const result = await givenUp.within(store.append(stream, expected, events));
  appended();
  if (knobs.now.delayMs > 0) await sleep(knobs.now.delayMs);
  return isSilent ? undefined : result;
}

function tooLargeIn(knobs: Knobs, events: readonly ProposedEvent[]): TooLarge | undefined {
  const { serverVersion, eventBytesMax: bytesMax } = knobs.now;
  const event = events.find((one) => countedBytes(one) > bytesMax);
  if (!event || !waysOf(serverVersion).limitsEvents) return undefined;
  return { id: event.id, bytes: countedBytes(event), bytesMax };
}

/** How the server counts an event towards the largest append. */
const countedBytes = ({ type, data, metadata }: ProposedEvent): number =>
  2 * type.length + data.length + metadata.length;

function proposedOf(message: AppendReq.ProposedMessage): ProposedEvent {
  return {
    id: (message.getId()?.getString() ?? '').toLowerCase(),
    type: message.getMetadataMap().get('type') ?? '',
    contentType: message.getMetadataMap().get('content-type') ?? '',
    data: message.getData_asU8(),
    metadata: message.getCustomMetadata_asU8(),
  };
}

function expectedOf(options: AppendReq.Options): Expected {
  if (options.hasNoStream()) return 'no_stream';
  if (options.hasStreamExists()) return 'stream_exists';
  return options.hasRevision() ? Number(options.getRevision()) : 'any';
}

function successOf({ revision, position }: { revision: number; position: number | undefined }) {
  const success = new streamsPb.AppendResp.Success();
  if (revision === NO_STREAM) success.setNoStream(new sharedPb.Empty());
  else success.setCurrentRevision(`${revision}`);
  if (position === undefined) return success.setNoPosition(new sharedPb.Empty());
  return success.setPosition(
    new streamsPb.AppendResp.Position()
      .setCommitPosition(`${position}`)
      .setPreparePosition(`${position}`),
  );
}

function conflictOf(expected: Expected, current: number) {
  const conflict = new streamsPb.AppendResp.WrongExpectedVersion();
  if (current === NO_STREAM) conflict.setCurrentNoStream(new sharedPb.Empty());
  else conflict.setCurrentRevision(`${current}`);
  if (expected === 'any') return conflict.setExpectedAny(new sharedPb.Empty());
  if (expected === 'no_stream') return conflict.setExpectedNoStream(new sharedPb.Empty());
  if (expected === 'stream_exists') return conflict.setExpectedStreamExists(new sharedPb.Empty());
  return conflict.setExpectedRevision(`${expected}`);
}

const failed = (error: unknown): Refusal => ({ code: 2, details: String(error) });
