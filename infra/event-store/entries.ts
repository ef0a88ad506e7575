/** Rows of the log as readers see them: filtered by what stands beside the data, decoded once. */
import type { AnyEvent } from '../../contracts/events/all.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import { categoryOf, type Category } from '../../contracts/streams.js';
import type { Codec, LogRow } from './codec.js';
import type { LogBatch, LogFilter, Position } from './port.js';

/** A row that is decoded when somebody first wants it. */
export interface Entry {
  readonly row: LogRow;
  readonly category: Category;
  /** Undefined for a type that this code does not know; throws `InvalidEvent`. */
  event(): RecordedEvent<AnyEvent> | undefined;
}

export function entryOf(codec: Codec, row: LogRow): Entry {
  let decoded = false;
  let event: RecordedEvent<AnyEvent> | undefined;
  return {
    row,
    category: categoryOf(row.stream),
    event() {
      if (!decoded) event = codec.decode(row);
      decoded = true;
      return event;
    },
  };
}

function accepts({ row, category }: Entry, { categories, types }: LogFilter): boolean {
  return (
    (!categories || categories.includes(category)) &&
    (!types || (types as readonly string[]).includes(row.type))
  );
}

/**
 * At most `limit` events of the filter behind `after`, which lies within `entries` or before them;
 * `head` is the position up to which the entries are known.
 * An invalid event is thrown only when no event before it is left to deliver.
 */
export function batchOf(
  entries: readonly Entry[],
  after: Position,
  head: Position,
  limit: number,
  filter: LogFilter,
): LogBatch {
  const events: RecordedEvent<AnyEvent>[] = [];
  let position = after;
  for (let index = indexAfter(entries, after); index < entries.length; index++) {
    const entry = entries[index];
    if (!entry || !accepts(entry, filter)) continue;
    if (events.length === limit) return { events, position, caughtUp: false };
    try {
      const event = entry.event();
      if (event) events.push(event);
    } catch (error) {
      if (events.length === 0) throw error;
      return { events, position, caughtUp: false };
    }
    position = entry.row.position;
  }
  return { events, position: head > after ? head : after, caughtUp: true };
}

/** The entry at a position, when it is among them. */
export function entryAt(entries: readonly Entry[], position: Position): Entry | undefined {
  const entry = entries[indexAfter(entries, position - 1n)];
  return entry?.row.position === position ? entry : undefined;
}

/** The first entry behind a position. */
function indexAfter(entries: readonly Entry[], after: Position): number {
  let [low, high] = [0, entries.length];
  // Positions of one ring follow one another, so the place is nearly always the difference.
  const first = entries[0]?.row.position;
  if (first !== undefined && after >= first) {
    const guess = Number(after - first);
    if (entries[guess]?.row.position === after) return guess + 1;
  }
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((entries[middle]?.row.position ?? after) > after) high = middle;
    else low = middle + 1;
  }
  return low;
}
