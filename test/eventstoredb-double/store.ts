/**
 * What the server knows and writes. An append is checked against everything written; a reader sees
 * only what is durable, so nothing that was read is ever lost.
 */
import {
  checkCommit,
  currentRevision,
  isSoftDeleted,
  type Decision,
  type Expected,
  type WrittenIds,
} from './commit-check.js';
import { openEventIndex, type EventIndex, type StreamState } from './event-index.js';
import { openLogFile, type LogFile } from './log-file.js';
import {
  decodeHead,
  encodeRecord,
  idOf,
  responseOf,
  TOMBSTONE_REVISION,
  type ProposedEvent,
  type RecordHead,
} from './record.js';
import {
  describedStream,
  metadataStreamOf,
  obeyMetadata,
  systemEvent,
  truncation,
} from './stream-metadata.js';

export interface Written {
  /** Of the last event; undefined when the append had none. */
  readonly position: number | undefined;
  readonly revision: number;
}

export type AppendResult =
  | ({ readonly status: 'success' } & Written)
  | { readonly status: 'wrong-expected-version'; readonly currentRevision: number }
  | { readonly status: 'stream-deleted' };

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
  /** The read answer for an event of the log, ready for the wire. */
  responseAt(index: number): Buffer;
  /** Called whenever more became visible; answers with how to stop that. */
  onVisible(listener: () => void): () => void;
  close(): Promise<void>;
}

/** The real server remembers what fits in 8 MiB, and forgets the oldest first. */
const REMEMBERED_IDS_MAX = 80_000;

export async function openStore(path: string, keepIds: boolean): Promise<Store> {
  const index = openEventIndex();
  const ids = rememberIds();
  const log = await openLogFile(path, (bytes, offset) =>
    loadAppends(bytes, (head, at) => {
      const stream = index.add({ ...head, position: offset + at });
      if (keepIds) ids.remember(head.id, stream, head.revision);
    }),
  );
  const recordAt = (at: number) => log.read(index.positionAt(at), index.sizeAt(at));
  const writer = openWriter(log, index, ids.remember, recordAt);
  for (const stream of [...index.streams()]) writer.obey(stream);

  const written: WrittenIds = {
    lately: ids.lately,
    at: (stream, revision) => {
      const at = stream.indexes[revision];
      return at === undefined ? undefined : idOf(recordAt(at));
    },
  };
  const decide = (name: string, expected: Expected, eventIds: readonly string[]) => {
    const hasMetadata = index.stream(metadataStreamOf(name)) !== undefined;
    return checkCommit(index.stream(name), expected, eventIds, written, hasMetadata);
  };
  const answer = async (name: string, decision: Decision): Promise<AppendResult> => {
    const stream = index.stream(name);
    if (decision.is !== 'idempotent')
      return decision.is === 'stream-deleted'
        ? { status: decision.is }
        : { status: 'wrong-expected-version', currentRevision: currentRevision(stream) };
    const { revision } = decision;
    const at = stream?.indexes[revision] ?? 0;
    await writer.durable();
    return { status: 'success', revision, position: index.positionAt(at) };
  };

  return {
    index,
    get visible() {
      return writer.visible;
    },
    get syncs() {
      return log.syncs;
    },
    append: async (name, expected, events) => {
      const decision = decide(
        name,
        expected,
        events.map(({ id }) => id),
      );
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
      const decision = decide(name, expected, [event.id]);
      if (decision.is !== 'ok') return answer(name, decision);
      const isThere = index.stream(name) ?? index.stream(metadataStreamOf(name));
      if (!isThere) return { status: 'wrong-expected-version', currentRevision: -1 };
      return { status: 'success', ...(await writer.writeMetadata(name, event)) };
    },
    tombstoneStream: async (name, expected) => {
      const event = systemEvent('$streamDeleted', '');
      const decision = decide(name, expected, [event.id]);
      if (decision.is !== 'ok') return answer(name, decision);
      return { status: 'success', ...(await writer.write(name, TOMBSTONE_REVISION, [event])) };
    },
    responseAt: (at) => responseOf(recordAt(at)),
    onVisible: writer.onVisible,
    close: () => log.close(),
  };
}

function openWriter(
  log: LogFile,
  index: EventIndex,
  remember: (id: string, stream: StreamState, revision: number) => void,
  recordAt: (at: number) => Buffer,
) {
  const listeners = new Set<() => void>();
  let visible = index.count;
  let told = visible;
  let last = Promise.resolve();

  const obey = (stream: StreamState) => {
    const described = describedStream(stream.name);
    const at = stream.indexes.at(-1);
    if (described === undefined || at === undefined) return;
    const target = index.stream(described);
    if (target) obeyMetadata(target, responseOf(recordAt(at)));
  };
  /** Readers are told once of all appends that became durable together. */
  const showUpTo = (count: number) => {
    if (count <= visible) return;
    if (told === visible)
      queueMicrotask(() => {
        told = visible;
        for (const listener of listeners) listener();
      });
    visible = count;
  };
  const write = async (name: string, first: number, events: readonly ProposedEvent[]) => {
    const writtenAtMs = Date.now();
    let position = log.end;
    let stream: StreamState | undefined;
    const records = events.map((event, offset) => {
      const revision = Math.min(first + offset, TOMBSTONE_REVISION);
      const place = { stream: name, revision, position };
      const isLast = offset === events.length - 1;
      const record = encodeRecord({ ...event, ...place, isLast, writtenAtMs });
      stream = index.add({ ...place, size: record.length, type: event.type });
      remember(event.id, stream, revision);
      position += record.length;
      return record;
    });
    const count = index.count;
    last = log.append(Buffer.concat(records));
    if (stream) obey(stream);
    // Rules may have been set before the stream's first event.
    const rules = first === 0 ? index.stream(metadataStreamOf(name)) : undefined;
    if (rules) obey(rules);
    await last;
    showUpTo(count);
    return { revision: first + events.length - 1, position: index.positionAt(count - 1) };
  };

  return {
    get visible() {
      return visible;
    },
    obey,
    write,
    writeMetadata: (name: string, event: ProposedEvent): Promise<Written> => {
      const metadata = metadataStreamOf(name);
      return write(metadata, currentRevision(index.stream(metadata)) + 1, [event]);
    },
    /** Resolves when all that was written so far is. */
    durable: () => last,
    onVisible: (listener: () => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

function rememberIds() {
  const ids = new Map<string, { readonly stream: StreamState; readonly revision: number }>();
  return {
    lately: (id: string) => ids.get(id),
    remember: (id: string, stream: StreamState, revision: number) => {
      ids.set(id, { stream, revision });
      if (ids.size <= REMEMBERED_IDS_MAX) return;
      const [oldest = ''] = ids.keys();
      ids.delete(oldest);
    },
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
