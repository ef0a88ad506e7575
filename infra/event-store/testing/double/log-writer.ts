/**
 * Writes events and shows them to readers once they are durable and indexed, so nothing that was
 * read is ever lost. What is durable is indexed at once, but for the stalls.
 */
import { currentRevision } from './commit-check.js';
import type { EventIndex, StreamState } from './event-index.js';
import type { LogFile } from './log-file.js';
import {
  encodeRecord,
  encodeStretch,
  responseOf,
  TOMBSTONE_REVISION,
  type ProposedEvent,
} from './record.js';
import type { Stalls } from './stalls.js';
import { describedStream, metadataStreamOf, obeyMetadata } from './stream-metadata.js';

export interface Written {
  readonly revision: number;
  /** Of the last event; undefined when the append had none. */
  readonly position: number | undefined;
}

interface Surroundings {
  readonly remember: (id: string, stream: StreamState, revision: number) => void;
  readonly recordAt: (at: number) => Buffer;
  readonly stalls: Stalls;
}

export function openLogWriter(
  log: LogFile,
  index: EventIndex,
  { remember, recordAt, stalls }: Surroundings,
) {
  const shown = openShown(index.count);

  const obey = (metadata: StreamState) => {
    const described = describedStream(metadata.name) ?? '';
    const [target, at] = [index.stream(described), metadata.indexes.at(-1)];
    if (target && at !== undefined) obeyMetadata(target, responseOf(recordAt(at)));
  };
  const write = async (name: string, first: number, events: readonly ProposedEvent[]) => {
    const writtenAtMs = Date.now();
    let offset = log.end;
    let stream: StreamState | undefined;
    const records = events.map((event, number) => {
      const revision = Math.min(first + number, TOMBSTONE_REVISION);
      const place = { stream: name, revision, position: index.positionOf(offset) };
      const isLast = number === events.length - 1;
      const record = encodeRecord({ ...event, ...place, isLast, writtenAtMs });
      stream = index.add({ ...place, offset, size: record.length, type: event.type });
      remember(event.id, stream, revision);
      offset += record.length;
      return record;
    });
    const count = index.count;
    const durable = log.append(Buffer.concat(records));
    if (stream) obey(stream);
    // Rules may have been set before the stream's first event.
    const rules = first === 0 ? index.stream(metadataStreamOf(name)) : undefined;
    if (rules) obey(rules);
    await durable;
    const stalled = stalls.over();
    if (stalled) await stalled;
    shown.upTo(count);
    return { revision: first + events.length - 1, position: index.positionAt(count - 1) };
  };

  return {
    get visible() {
      return shown.count;
    },
    obey,
    write,
    pretend: async (count: number): Promise<void> => {
      index.pretend(log.end, count);
      const all = index.count;
      await log.append(encodeStretch(count));
      shown.upTo(all);
    },
    writeMetadata: (name: string, event: ProposedEvent): Promise<Written> => {
      const metadata = metadataStreamOf(name);
      return write(metadata, currentRevision(index.stream(metadata)) + 1, [event]);
    },
    onVisible: shown.onMore,
  };
}

/** How many events readers may see; they are told once of all that came together. */
function openShown(initial: number) {
  const listeners = new Set<() => void>();
  let count = initial;
  let told = count;
  return {
    get count() {
      return count;
    },
    upTo: (next: number) => {
      if (next <= count) return;
      if (told === count)
        queueMicrotask(() => {
          told = count;
          for (const listener of listeners) listener();
        });
      count = next;
    },
    onMore: (listener: () => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
