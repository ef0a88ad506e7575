/**
 * A feed as server-sent events, from the event after one that its reader has:
 *
 *   retry ─► events that are there ─► (keep-alive │ events as they happen) …
 *
 * A page is read when something happened and the reader has taken the one before, so that a slow
 * reader costs a connection and nothing that grows.
 */
import { Readable } from 'node:stream';
import { cloudEventText } from '../../domain/feed/cloud-event.js';
import { StoreUnavailable } from '../../infra/event-store/port.js';
import type { FeedPage, FeedQuery } from '../../infra/read-store/feed.js';
import {
  EVENT_STREAM_HEADERS,
  KEEP_ALIVE,
  KEEP_ALIVE_MS,
  STREAM_BEGINS,
  STREAM_MS_MAX,
} from '../../http/server/event-stream.js';
import type { Reply } from '../../http/server/route.js';
import type { FeedWatch } from './watched-feeds.js';

/** Events in memory at a time, of one reader. */
const EVENTS_AT_ONCE = 100;

type Asked = Omit<FeedQuery, 'limit'>;

export function feedStream(watch: FeedWatch, asked: Asked, ended: AbortSignal): Reply {
  const stream = Readable.from(textsOf(watch, asked, ended), { highWaterMark: 1 });
  stream.once('close', () => watch.leave());
  return { status: 200, headers: EVENT_STREAM_HEADERS, stream, isLive: true };
}

async function* textsOf(
  watch: FeedWatch,
  asked: Asked,
  ended: AbortSignal,
): AsyncGenerator<string> {
  yield STREAM_BEGINS;
  const endsAtMs = performance.now() + STREAM_MS_MAX;
  for (let { after } = asked; !ended.aborted && performance.now() < endsAtMs;) {
    const page = await orNothing(() =>
      watch.next({ ...asked, after, limit: EVENTS_AT_ONCE }, KEEP_ALIVE_MS, ended),
    );
    // The reader connects again, and is answered then that the store is away.
    if (!page) return;
    for (const event of page.events)
      yield `id: ${event.sequence}\nevent: ${event.type}\ndata: ${cloudEventText(event)}\n\n`;
    // An id alone moves the reader on, past what it did not ask for.
    if (page.events.length === 0) yield page.upTo > after ? `id: ${page.upTo}\n\n` : KEEP_ALIVE;
    after = page.upTo;
  }
}

async function orNothing(read: () => Promise<FeedPage>): Promise<FeedPage | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof StoreUnavailable) return undefined;
    throw error;
  }
}
