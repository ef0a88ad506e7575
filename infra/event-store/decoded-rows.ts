/** Rows of the log as readers see them: filtered by stream and type first, decoded once. */
import type { AnyEvent } from '../../contracts/events/all.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import { categoryOf, type Category, type StreamName } from '../../contracts/streams.js';
import type { Codec, LogRow } from './codec.js';
import type { LogBatch, LogFilter, Position } from './port.js';

/** A row that is decoded at the first read of its event. */
export interface DecodedRow {
  readonly row: LogRow;
  readonly category: Category;
  /** Undefined for a type that this code does not know; throws `InvalidEvent`. */
  event(): RecordedEvent<AnyEvent> | undefined;
}

export function decodedRow(codec: Codec, row: LogRow): DecodedRow {
  let isDecoded = false;
  let event: RecordedEvent<AnyEvent> | undefined;
  return {
    row,
    category: categoryOf(row.stream),
    event() {
      if (!isDecoded) event = codec.decode(row);
      isDecoded = true;
      return event;
    },
  };
}

function passes({ row, category }: DecodedRow, { categories, types }: LogFilter): boolean {
  return (
    (!categories || categories.includes(category)) &&
    (!types || (types as readonly string[]).includes(row.type))
  );
}

/**
 * At most `limit` events of the filter behind `after`, which lies within the rows or before them;
 * `head` is the position up to which the rows are known.
 * An invalid event is thrown only when no event before it is left to deliver.
 */
export function batchOf(
  rows: readonly DecodedRow[],
  after: Position,
  head: Position,
  limit: number,
  filter: LogFilter,
): LogBatch {
  const events: RecordedEvent<AnyEvent>[] = [];
  let position = after;
  let unknown = 0;
  const batch = (at: Position, caughtUp: boolean): LogBatch => ({
    events,
    position: at,
    caughtUp,
    ...(unknown > 0 && { unknown }),
  });
  for (let index = indexAfter(rows, after); index < rows.length; index++) {
    const decoded = rows[index];
    if (!decoded || !passes(decoded, filter)) continue;
    if (events.length === limit) return batch(position, false);
    try {
      const event = decoded.event();
      if (event) events.push(event);
      else unknown++;
    } catch (error) {
      if (events.length === 0) throw error;
      return batch(position, false);
    }
    position = decoded.row.position;
  }
  return batch(head > after ? head : after, true);
}

/** The row at a position, when it is among them. */
export function rowAt(rows: readonly DecodedRow[], position: Position): DecodedRow | undefined {
  const decoded = rows[indexAfter(rows, position - 1n)];
  return decoded?.row.position === position ? decoded : undefined;
}

/** A search through more rows costs as much as asking the log. */
const SEARCHED_MAX = 2_048;

/** The rows of a stream from one revision to another, when all are among the newest ones. */
export function recentRows(
  rows: readonly DecodedRow[],
  stream: StreamName,
  from: number,
  through: number,
): readonly DecodedRow[] | undefined {
  const found: DecodedRow[] = [];
  const least = Math.max(0, rows.length - SEARCHED_MAX);
  for (let index = rows.length - 1; index >= least; index--) {
    const decoded = rows[index];
    if (decoded?.row.stream !== stream || decoded.row.revision > through) continue;
    found.push(decoded);
    if (decoded.row.revision <= from) break;
  }
  const isWhole = found.length === through - from + 1 && found.at(-1)?.row.revision === from;
  return isWhole ? found.reverse() : undefined;
}

/** The index of the first row behind a position. */
function indexAfter(rows: readonly DecodedRow[], after: Position): number {
  let [low, high] = [0, rows.length];
  // PostgreSQL's positions have no gaps, so the index is nearly always the difference.
  const first = rows[0]?.row.position;
  if (first !== undefined && after >= first) {
    const guess = Number(after - first);
    if (rows[guess]?.row.position === after) return guess + 1;
  }
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rows[middle]?.row.position ?? after) > after) high = middle;
    else low = middle + 1;
  }
  return low;
}
