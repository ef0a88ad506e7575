/**
 * Whether an append may land, as the real server's index writer decides it: a repetition of what
 * already landed is told from a conflict by the event ids.
 */
import type { StreamState } from './event-index.js';

export type Expected = number | 'any' | 'no_stream' | 'stream_exists';

export type Decision =
  | { readonly is: 'ok' }
  /** Everything is there already; `revision` is that of the append's last event. */
  | { readonly is: 'idempotent'; readonly revision: number }
  | { readonly is: 'wrong-expected-version' }
  | { readonly is: 'stream-deleted' };

export interface WrittenIds {
  /** The id of a stream's event, read from the log: it is found after a restart too. */
  at(stream: StreamState, revision: number): string | undefined;
  /** Where an id was lately written; older ones, and those before a restart, may be forgotten. */
  lately(id: string): { readonly stream: StreamState; readonly revision: number } | undefined;
}

export const NO_STREAM = -1;

const OK: Decision = { is: 'ok' };
const WRONG: Decision = { is: 'wrong-expected-version' };
const DELETED: Decision = { is: 'stream-deleted' };

export function checkCommit(
  stream: StreamState | undefined,
  expected: Expected,
  ids: readonly string[],
  written: WrittenIds,
  hasMetadata: boolean,
): Decision {
  if (stream?.isTombstoned) return DELETED;
  const current = currentRevision(stream);
  if (expected === 'stream_exists') {
    if (isSoftDeleted(stream)) return DELETED;
    if (current === NO_STREAM && !hasMetadata) return WRONG;
  }
  if (expected === 'any' || expected === 'stream_exists') return repetition(stream, ids, written);

  const revision = expected === 'no_stream' ? NO_STREAM : expected;
  if (revision > current) return WRONG;
  if (revision === current || !stream) return OK;
  return exactRepetition(stream, revision, ids, written);
}

export const currentRevision = (stream: StreamState | undefined): number =>
  (stream?.indexes.length ?? 0) - 1;

export const isSoftDeleted = (stream: StreamState | undefined): boolean =>
  stream?.truncateBefore === Infinity;

/** Only as good as the memory of ids: forgotten ones land twice. */
function repetition(
  stream: StreamState | undefined,
  ids: readonly string[],
  written: WrittenIds,
): Decision {
  let last: number | undefined;
  for (const id of ids) {
    const found = written.lately(id);
    // A first id unknown means a new append, a later one that something else was mixed in.
    if (!found || found.stream !== stream) return last === undefined ? OK : WRONG;
    last = found.revision;
  }
  return last === undefined ? OK : { is: 'idempotent', revision: last };
}

function exactRepetition(
  stream: StreamState,
  expected: number,
  ids: readonly string[],
  written: WrittenIds,
): Decision {
  const isThere = (id: string, index: number) => written.at(stream, expected + 1 + index) === id;
  const firstOther = ids.findIndex((id, index) => !isThere(id, index));
  if (firstOther === -1)
    return ids.length === 0 ? WRONG : { is: 'idempotent', revision: expected + ids.length };
  // A deleted stream may be begun anew, behind its old events.
  const isBegunAnew = firstOther === 0 && expected === NO_STREAM && isSoftDeleted(stream);
  return isBegunAnew ? OK : WRONG;
}
