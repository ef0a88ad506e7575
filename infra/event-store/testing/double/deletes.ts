/** Streams.Delete hides a stream until it is written to again, Streams.Tombstone ends it. */
import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import type { DeleteReq, TombstoneReq } from '@eventstore/db-client/generated/streams_pb.js';
import streamsPb from '@eventstore/db-client/generated/streams_pb.js';
import type { Expected } from './commit-check.js';
import { appendTimedOut, streamDeleted, wrongExpectedVersion, type Refusal } from './statuses.js';
import type { AppendResult, Store } from './store.js';

type Deleted = InstanceType<typeof streamsPb.DeleteResp>;
type Tombstoned = InstanceType<typeof streamsPb.TombstoneResp>;

/** How a deletion's conflict names what was expected. */
const EXPECTED_NUMBERS = { no_stream: '-1', any: '-2', stream_exists: '-4' };

export function deleteStream(
  store: Store,
  call: ServerUnaryCall<DeleteReq, Deleted>,
  callback: sendUnaryData<Deleted>,
): void {
  const { stream, expected } = targetOf(call.request.getOptions());
  store.deleteStream(stream, expected).then(
    (result) => {
      if (result.status !== 'success') return callback(refusalOf(stream, expected, result));
      const position = new streamsPb.DeleteResp.Position();
      position.setCommitPosition(`${result.position}`).setPreparePosition(`${result.position}`);
      callback(null, new streamsPb.DeleteResp().setPosition(position));
    },
    (error: unknown) => callback({ code: 2, details: String(error) }),
  );
}

export function tombstoneStream(
  store: Store,
  call: ServerUnaryCall<TombstoneReq, Tombstoned>,
  callback: sendUnaryData<Tombstoned>,
): void {
  const { stream, expected } = targetOf(call.request.getOptions());
  store.tombstoneStream(stream, expected).then(
    (result) => {
      if (result.status !== 'success') return callback(refusalOf(stream, expected, result));
      const position = new streamsPb.TombstoneResp.Position();
      position.setCommitPosition(`${result.position}`).setPreparePosition(`${result.position}`);
      callback(null, new streamsPb.TombstoneResp().setPosition(position));
    },
    (error: unknown) => callback({ code: 2, details: String(error) }),
  );
}

function targetOf(options: DeleteReq.Options | TombstoneReq.Options | undefined): {
  readonly stream: string;
  readonly expected: Expected;
} {
  const name = options?.getStreamIdentifier()?.getStreamName_asU8() ?? [];
  const stream = Buffer.from(name).toString();
  if (options?.hasNoStream()) return { stream, expected: 'no_stream' };
  if (options?.hasStreamExists()) return { stream, expected: 'stream_exists' };
  return { stream, expected: options?.hasRevision() ? Number(options.getRevision()) : 'any' };
}

function refusalOf(
  stream: string,
  expected: Expected,
  result: Exclude<AppendResult, { readonly status: 'success' }>,
): Refusal {
  if (result.status === 'stream-deleted') return streamDeleted(stream);
  if (result.status === 'dropped') return appendTimedOut();
  const named = typeof expected === 'number' ? `${expected}` : EXPECTED_NUMBERS[expected];
  return wrongExpectedVersion(stream, named, result.currentRevision);
}
