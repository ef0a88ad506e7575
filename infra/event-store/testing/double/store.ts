/** What the server knows: appends are checked against all that was written. */
import {
  checkCommit,
  currentRevision,
  isSoftDeleted,
  type Decision,
  type Expected,
  type WrittenIds,
} from './commit-check.js';
import { openEventIndex, PRETENDED_STREAM, PRETENDED_TYPE } from './event-index.js';
import type { EventIndex, StreamState } from './event-index.js';
import { openLogFile } from './log-file.js';
import { openLogWriter, type Written } from './log-writer.js';
import {
  decodeHead,
  encodeReadResponse,
  idOf,
  responseOf,
  TOMBSTONE_REVISION,
  type ProposedEvent,
  type RecordHead,
} from './record.js';
import { metadataStreamOf, systemEvent, truncation } from './stream-metadata.js';
import type { Stalls } from './stalls.js';
import { rememberIds } from './written-ids.js';

export type AppendResult =
  | ({ readonly status: 'success' } & Written)
  | { readonly status: 'wrong-expected-version'; readonly currentRevision: number }
  | { readonly status: 'stream-deleted' }
  /** A repetition of what is written and not yet indexed: the server says nothing to it. */
  | { readonly status: 'dropped' };

export interface Store {
  readonly index: EventIndex;
  /** How many events of the log readers may see. */
  readonly visible: number;
  readonly syncs: number;
  /** Resolves when what the answer says is durable. */
  append(
    stream: string,
    expected: Expected,
    events: readonly ProposedEvent[],
  ): Promise<AppendResult>;
  deleteStream(stream: string, expected: Expected): Promise<AppendResult>;
  tombstoneStream(stream: string, expected: Expected): Promise<AppendResult>;
  /** Puts so many events of the server's own at the end of the log, none of which is stored. */
  pretendEvents(count: number): Promise<void>;
  /** The read answer for an event of the log, ready for the wire. */
  readonly responseAt: (index: number) => Buffer;
  /** Called whenever more became visible; answers with how to stop that. */
  onVisible(listener: () => void): () => void;
  close(): Promise<void>;
}

const LINK = Buffer.from('0@pretended');
const NOTHING = Buffer.alloc(0);

export async function openStore(path: string, keepIds: boolean, stalls: Stalls): Promise<Store> {
  const index = openEventIndex();
  const ids = rememberIds();
  const log = await openLogFile(path, (bytes, offset) =>
    loadAppends(bytes, (head, at) => {
      if (head.isPretended) return index.pretend(offset + at, head.revision);
      const stream = index.add({ ...head, offset: offset + at });
      if (keepIds) ids.remember(head.id, stream, head.revision);
    }),
  );
  const recordAt = (at: number) => log.read(index.offsetAt(at), index.sizeAt(at));
  const writer = openLogWriter(log, index, { remember: ids.remember, recordAt, stalls });
  for (const stream of [...index.streams()]) writer.obey(stream);

  const decide = openDecisions(index, {
    lately: (id) => ids.lately(id),
    at: (stream, revision) => {
      const at = stream.indexes[revision];
      return at === undefined ? undefined : idOf(recordAt(at));
    },
  });
  const answer = (name: string, decision: Decision): AppendResult =>
    answerTo(decision, index, index.stream(name), writer.visible);

  return {
    index,
    get visible() {
      return writer.visible;
    },
    get syncs() {
      return log.syncs;
    },
    append: async (name, expected, events) => {
      const decision = decide(name, expected, events);
      if (decision.is !== 'ok') return answer(name, decision);
      const before = index.stream(name);
      const first = currentRevision(before) + 1;
      if (events.length === 0)
        return { status: 'success', revision: first - 1, position: undefined };
      const done = writer.write(name, first, events);
      if (isSoftDeleted(before)) void writer.writeMetadata(name, truncation(first));
      return { status: 'success', ...(await done) };
    },
    deleteStream: async (name, expected) => {
      const event = truncation(undefined);
      const decision = decide(name, expected, [event]);
      if (decision.is !== 'ok') return answer(name, decision);
      const isThere = index.stream(name) ?? index.stream(metadataStreamOf(name));
      if (!isThere) return { status: 'wrong-expected-version', currentRevision: -1 };
      return { status: 'success', ...(await writer.writeMetadata(name, event)) };
    },
    tombstoneStream: async (name, expected) => {
      const event = systemEvent('$streamDeleted', '');
      const decision = decide(name, expected, [event]);
      if (decision.is !== 'ok') return answer(name, decision);
      return { status: 'success', ...(await writer.write(name, TOMBSTONE_REVISION, [event])) };
    },
    pretendEvents: writer.pretend,
    responseAt: (at) =>
      index.isPretended(at) ? pretendedAt(at, index.positionAt(at)) : responseOf(recordAt(at)),
    onVisible: writer.onVisible,
    close: () => log.close(),
  };
}

/** To an append that does not land. */
function answerTo(
  decision: Decision,
  index: EventIndex,
  stream: StreamState | undefined,
  visible: number,
): AppendResult {
  if (decision.is === 'stream-deleted') return { status: decision.is };
  if (decision.is !== 'idempotent')
    return { status: 'wrong-expected-version', currentRevision: currentRevision(stream) };
  const { revision } = decision;
  const at = stream?.indexes[revision] ?? 0;
  if (at >= visible) return { status: 'dropped' };
  return { status: 'success', revision, position: index.positionAt(at) };
}

function pretendedAt(at: number, position: number): Buffer {
  const id = `00000000-0000-4000-8000-${at.toString(16).padStart(12, '0')}`;
  const content = { contentType: 'application/octet-stream', data: LINK, metadata: NOTHING };
  const place = { stream: PRETENDED_STREAM, revision: at, position, isLast: true, writtenAtMs: 0 };
  return encodeReadResponse({ id, type: PRETENDED_TYPE, ...content, ...place });
}

function openDecisions(index: EventIndex, written: WrittenIds) {
  return (name: string, expected: Expected, events: readonly ProposedEvent[]): Decision => {
    const ids = events.map(({ id }) => id);
    const hasMetadata = index.stream(metadataStreamOf(name)) !== undefined;
    return checkCommit(index.stream(name), expected, ids, written, hasMetadata);
  };
}

/** How many of the bytes are whole appends, each of whose records is visited. */
function loadAppends(bytes: Buffer, visit: (head: RecordHead, at: number) => void): number {
  let whole = 0;
  let append: { readonly head: RecordHead; readonly at: number }[] = [];
  for (let at = 0, head = decodeHead(bytes, 0); head; head = decodeHead(bytes, at)) {
    append.push({ head, at });
    at += head.size;
    if (!head.isLast) continue;
    for (const record of append) visit(record.head, record.at);
    append = [];
    whole = at;
  }
  return whole;
}
