/** The feed of an organization, page by page, in bounded work and bounded memory. */
import type { FeedType } from '../../contracts/cloud-events/feed-types.js';
import type { OrganizationId } from '../../contracts/ids.js';
import type { NumberedEvent } from '../../domain/feed/cloud-event.js';
import type { Question } from './reading.js';
import { feedOwner, ownerOf } from './tables/feed.js';
import { amount, text, time, type Row } from './table.js';

/** What is read: events behind `after`. */
export interface FeedQuery {
  readonly organizationId: OrganizationId;
  readonly after: bigint;
  readonly limit: number;
  /** Of all types where it is absent. */
  readonly types?: readonly FeedType[];
}

export interface FeedPage {
  readonly events: readonly NumberedEvent[];
  /** Every event up to this number that was asked for is in this page, or before it. */
  readonly upTo: bigint;
  /** There was something behind it. */
  readonly hasMore: boolean;
}

/** Of one page, but for a single event that has more. */
const PAGE_BYTES_MAX = 4 * 1024 * 1024;

/** Events that one query looks through for those of some types. */
const LOOKED_THROUGH_MAX = 20_000;

/** Then a page ends where it is, so that the next one goes on from there. */
const LOOKING_MS_MAX = 1_000;

type Read = (question: Question) => Promise<readonly Row[]>;

export async function readFeedPage(read: Read, query: FeedQuery): Promise<FeedPage> {
  const { after, limit, types } = query;
  if (!types) {
    const events = await readEvents(read, query, after + BigInt(limit));
    const upTo = events.at(-1)?.sequence ?? after;
    return {
      events,
      upTo,
      hasMore: events.length > 0 && upTo < (await feedHead(read, query.organizationId)),
    };
  }
  const head = await feedHead(read, query.organizationId);
  const endsAtMs = performance.now() + LOOKING_MS_MAX;
  for (let from = after; ;) {
    const end = least(from + BigInt(LOOKED_THROUGH_MAX), head);
    if (end <= from) return { events: [], upTo: from, hasMore: false };
    const events = await readEvents(read, { ...query, after: from }, end);
    const last = events.at(-1);
    // A page may be cut by its bytes: what is behind its last event was not looked at then.
    if (last) return { events, upTo: last.sequence, hasMore: last.sequence < head };
    from = end;
    if (performance.now() > endsAtMs) return { events: [], upTo: from, hasMore: from < head };
  }
}

/** An event, and where it is in the log. */
export interface PlacedFeedEvent {
  readonly position: bigint;
  readonly event: NumberedEvent;
}

const ACROSS_SQL = `
  SELECT position, organization_id, sequence, event_id, type, subject, at, data
  FROM readmodel.feed_events WHERE position > $1
  ORDER BY position
  LIMIT $2`;

/** Of all feeds, in the order of the log: what is behind a position of it. */
export async function readAllFeeds(
  read: Read,
  after: bigint,
  limit: number,
): Promise<readonly PlacedFeedEvent[]> {
  const rows = await read({ name: 'all feeds', text: ACROSS_SQL, values: [after, limit] });
  return rows.map((row) => ({
    position: amount(row, 'position'),
    event: eventOf(row, ownerOf(text(row, 'organization_id'))),
  }));
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);

const HEAD_SQL = 'SELECT sequence FROM readmodel.feed_heads WHERE organization_id = $1';

/** The number of its newest event; 0 before the first. */
export async function feedHead(read: Read, organizationId: OrganizationId): Promise<bigint> {
  const [row] = await read({ name: 'feed head', text: HEAD_SQL, values: [organizationId] });
  return row ? amount(row, 'sequence') : 0n;
}

const PAGE_SQL = `
  SELECT sequence, event_id, type, subject, at, data
  FROM (
    SELECT sequence, event_id, type, subject, at, data,
      sum(octet_length(data)) OVER (ORDER BY sequence) - octet_length(data) AS bytes_before
    FROM (
      SELECT sequence, event_id, type, subject, at, data FROM readmodel.feed_events
      WHERE organization_id = $1 AND sequence > $2 AND sequence <= $3
        AND ($4::text[] IS NULL OR type = ANY ($4))
      ORDER BY sequence
      LIMIT $5
    ) found
  ) page
  WHERE bytes_before < ${PAGE_BYTES_MAX}
  ORDER BY sequence`;

async function readEvents(
  read: Read,
  { organizationId, after, limit, types }: FeedQuery,
  end: bigint,
): Promise<readonly NumberedEvent[]> {
  const values = [feedOwner(organizationId), after, end, types ?? null, limit];
  const rows = await read({ name: 'feed page', text: PAGE_SQL, values });
  return rows.map((row) => eventOf(row, organizationId));
}

const eventOf = (row: Row, organizationId: OrganizationId): NumberedEvent => ({
  organizationId,
  sequence: amount(row, 'sequence'),
  eventId: text(row, 'event_id'),
  type: text<FeedType>(row, 'type'),
  subject: text(row, 'subject'),
  at: time(row, 'at'),
  data: text(row, 'data'),
});
