/** The events that an export has not written yet, from the feeds' read model. */
import {
  operatorFieldsOf,
  operatorTypes,
  type FieldsOf,
} from '../../domain/proof/operator-fields.js';
import { START, type EventStore, type Position } from '../../infra/event-store/port.js';
import type { ExportedEvent } from '../../infra/export-sinks/port.js';
import type { NumberedEvent } from '../../domain/feed/cloud-event.js';
import type { Read } from '../../infra/exports/lag.js';
import type { ExportCursor, StoredExport } from '../../infra/exports/port.js';
import { readAllFeeds, readFeedPage } from '../../infra/read-store/feed.js';
import { amount, text } from '../../infra/read-store/table.js';
import { feedOwner, ownerOf } from '../../infra/read-store/tables/feed.js';

export interface ExportBatch {
  readonly events: readonly ExportedEvent[];
  /** Where the last of them is, of all feeds. */
  readonly cursor: ExportCursor | undefined;
}

const PAGE = 1_000;
/** Of the events' data; an export in work holds so much, and one event more at most. */
const BYTES_MAX = 8 * 1024 * 1024;

export interface BatchSources {
  readonly read: Read;
  /** Has what only operators know. */
  readonly store: Pick<EventStore, 'readAll'>;
}

/** `through`: all up to this number, however much that is; else what fits. */
export async function readBatch(
  { read, store }: BatchSources,
  stored: StoredExport,
  done: bigint,
  through?: bigint,
): Promise<ExportBatch> {
  const events: ExportedEvent[] = [];
  const wanted = through === undefined ? stored.eventsMax : Number(through - done);
  let cursor = stored.organizationId ? undefined : (stored.cursor ?? BEFORE_ALL);
  for (let bytes = 0; events.length < wanted;) {
    const limit = Math.min(PAGE, wanted - events.length);
    const page = await pageOf(read, stored, { after: done + BigInt(events.length), cursor, limit });
    if (page.length === 0) break;
    const operators = stored.hasOperators && (await operatorsOf(store, page, cursor));
    for (const { event, position } of page) {
      bytes += event.data.length;
      if (bytes > BYTES_MAX && events.length > 0 && through === undefined)
        return { events, cursor };
      const number = done + BigInt(events.length + 1);
      const fields = operators && (operators.get(event.eventId) ?? {});
      events.push(fields ? { number, event, operators: fields } : { number, event });
      const { organizationId, sequence } = event;
      if (position !== undefined) cursor = { position, organizationId, sequence };
    }
  }
  return { events, cursor };
}

const BEFORE_ALL: ExportCursor = { position: START, organizationId: undefined, sequence: 0n };

interface Placed {
  readonly event: NumberedEvent;
  /** Of all feeds. */
  readonly position: Position | undefined;
}

/** What only operators know of the events of a page, which is behind the cursor, by their ids. */
async function operatorsOf(
  store: BatchSources['store'],
  page: readonly Placed[],
  cursor: ExportCursor | undefined,
): Promise<ReadonlyMap<string, FieldsOf>> {
  const found = new Map<string, FieldsOf>();
  const last = page.at(-1)?.position ?? START;
  for (let at = cursor?.position ?? START; at < last;) {
    const { events, position, caughtUp } = await store.readAll(at, PAGE, { types: operatorTypes });
    for (const event of events) {
      const fields = operatorFieldsOf(event);
      if (fields) found.set(event.id, fields);
    }
    if (caughtUp || position <= at) break;
    at = position;
  }
  return found;
}

interface Page {
  readonly after: bigint;
  readonly cursor: ExportCursor | undefined;
  readonly limit: number;
}

async function pageOf(
  read: Read,
  { organizationId }: StoredExport,
  { after, cursor, limit }: Page,
): Promise<readonly Placed[]> {
  if (!organizationId) return readAllFeeds(read, cursor?.position ?? START, limit);
  const { events } = await readFeedPage(read, { organizationId, after, limit });
  return events.map((event) => ({ event, position: undefined }));
}

interface Beginning {
  readonly done: bigint;
  readonly cursor: ExportCursor | undefined;
}

/** Undefined while the read model does not know the first event. */
export async function beginningOf(
  read: Read,
  { organizationId, from }: StoredExport,
): Promise<Beginning | undefined> {
  if (organizationId) return { done: from > 0n ? from - 1n : 0n, cursor: undefined };
  if (from === 0n) return { done: 0n, cursor: BEFORE_ALL };
  if ((await readAllFeeds(read, from - 1n, 1)).length === 0) return undefined;
  const [row] = await read({ text: BEFORE_SQL, values: [from] });
  if (!row) return { done: 0n, cursor: BEFORE_ALL };
  const cursor: ExportCursor = {
    position: amount(row, 'position'),
    organizationId: ownerOf(text(row, 'organization_id')),
    sequence: amount(row, 'sequence'),
  };
  return { done: amount(row, 'many'), cursor };
}

const BEFORE_SQL = `
  SELECT position, organization_id, sequence,
    (SELECT count(*) FROM readmodel.feed_events WHERE position < $1) AS many
  FROM readmodel.feed_events WHERE position < $1
  ORDER BY position DESC LIMIT 1`;

/** Where the cursor's event is after the log has moved; undefined while that is not known yet. */
export async function positionOf(
  read: Read,
  { organizationId, sequence }: ExportCursor,
): Promise<bigint | undefined> {
  if (!organizationId) return START;
  const [row] = await read({ text: PLACE_SQL, values: [feedOwner(organizationId), sequence] });
  return row && amount(row, 'position');
}

const PLACE_SQL = `
  SELECT position FROM readmodel.feed_events WHERE organization_id = $1 AND sequence = $2`;
