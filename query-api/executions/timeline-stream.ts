/**
 * A timeline as server-sent events, from the entry after one that its reader has, to the end:
 *
 *   retry ─► entries that are there ─► (keep-alive │ entries as they happen) … ─► end
 *
 * The timeline is read when something happened and the reader has taken what came before, so that a
 * slow reader costs a connection and nothing that grows.
 */
import { Readable } from 'node:stream';
import { isOver } from '../../domain/execution/view.js';
import type { TimelineEntry } from '../../domain/execution/timeline.js';
import { StoreUnavailable } from '../../infra/event-store/port.js';
import {
  EVENT_STREAM_HEADERS,
  eventText,
  KEEP_ALIVE,
  KEEP_ALIVE_MS,
  STREAM_BEGINS,
  STREAM_MS_MAX,
} from '../../http/server/event-stream.js';
import type { Reply } from '../../http/server/route.js';
import type { Watch } from '../watches.js';

interface TimelineStream {
  readonly watch: Watch;
  /** Every entry so far. */
  readonly read: () => Promise<readonly TimelineEntry[]>;
  /** The last entry that the reader has; 0 for none. */
  readonly sequenceBefore: number;
  readonly ended: AbortSignal;
}

export function timelineStream(streaming: TimelineStream): Reply {
  const stream = Readable.from(textsOf(streaming), { highWaterMark: 1 });
  stream.once('close', () => streaming.watch.leave());
  return { status: 200, headers: EVENT_STREAM_HEADERS, stream, isLive: true };
}

/** What its owner sees of an entry. */
export const entryBody = ({ revision: _, ...entry }: TimelineEntry) => entry;

async function* textsOf({
  watch,
  read,
  sequenceBefore,
  ended,
}: TimelineStream): AsyncGenerator<string> {
  yield STREAM_BEGINS;
  const endsAtMs = performance.now() + STREAM_MS_MAX;
  let shown = sequenceBefore;
  while (!ended.aborted && performance.now() < endsAtMs) {
    const entries = await orNothing(read);
    // The reader connects again, and is told then that the store is away.
    if (!entries) return;
    for (const entry of entries) {
      if (entry.sequence <= shown) continue;
      const { sequence: id, type: event } = entry;
      yield eventText({ id, event, data: entryBody(entry) });
      shown = id;
    }
    const status = entries.at(-1)?.status;
    if (status && isOver(status)) {
      yield eventText({ event: 'end', data: { status } });
      return;
    }
    for (let isChanged = false; !isChanged;) {
      const looked = await orNothing(() => watch.changed(KEEP_ALIVE_MS, ended));
      if (looked === undefined || ended.aborted || performance.now() >= endsAtMs) return;
      if (!looked) yield KEEP_ALIVE;
      isChanged = looked;
    }
  }
}

async function orNothing<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof StoreUnavailable) return undefined;
    throw error;
  }
}
