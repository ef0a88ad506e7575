/** How far an export is behind the feeds, as the read models have them. */
import type { NumberedEvent } from '../../domain/feed/cloud-event.js';
import { feedHead, readAllFeeds, readFeedPage } from '../read-store/feed.js';
import type { Question } from '../read-store/reading.js';
import { amount, type Row } from '../read-store/table.js';
import { START } from '../event-store/port.js';
import type { StoredExport } from './port.js';

export type Read = (question: Question) => Promise<readonly Row[]>;

export interface ExportLag {
  /** Events that are not written yet. */
  readonly events: number;
  /** Age of the oldest of them; 0 where there is none. */
  readonly seconds: number;
}

/** Undefined while it is not known where it is: before it begins, and after the log has moved. */
export async function lagOf(
  read: Read,
  stored: StoredExport,
  nowMs: number,
): Promise<ExportLag | undefined> {
  if (stored.done === undefined) return undefined;
  const events = Number((await headOf(read, stored)) - stored.done);
  if (events <= 0) return { events: 0, seconds: 0 };
  const oldest = await firstBehind(read, stored, stored.done);
  if (!oldest) return undefined;
  return { events, seconds: Math.max(0, nowMs - Date.parse(oldest.at)) / 1_000 };
}

const ALL_SQL = 'SELECT coalesce(sum(sequence), 0)::bigint AS sequence FROM readmodel.feed_heads';

/** The number of the newest event: in the feed, or of all feeds together. */
async function headOf(read: Read, { organizationId }: StoredExport): Promise<bigint> {
  if (organizationId) return feedHead(read, organizationId);
  const [row] = await read({ name: 'head of all feeds', text: ALL_SQL });
  return row ? amount(row, 'sequence') : 0n;
}

async function firstBehind(
  read: Read,
  { organizationId, cursor }: StoredExport,
  done: bigint,
): Promise<NumberedEvent | undefined> {
  if (organizationId)
    return (await readFeedPage(read, { organizationId, after: done, limit: 1 })).events[0];
  if (cursor && cursor.position === undefined) return undefined;
  return (await readAllFeeds(read, cursor?.position ?? START, 1))[0]?.event;
}
