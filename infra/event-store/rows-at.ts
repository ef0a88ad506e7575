/**
 * Rows at places of a log that is read from a position on: those that are near to one another are
 * read with what lies between them.
 */
import type { LogRow } from './codec.js';
import type { LogReader } from './log-reader.js';
import type { LogPlace } from './port.js';

/** Of a stretch that is read, at least one row in so many is wanted. */
const SPARSE = 32;
/** Rows of a stretch. */
const STRETCH_MAX = 2_000;

/** The places ascend; a row that is not there is left out. */
export async function rowsAt(
  page: LogReader['page'],
  places: readonly LogPlace[],
): Promise<readonly LogRow[]> {
  const rows: LogRow[] = [];
  for (const stretch of stretchesOf(places)) rows.push(...(await stretchRows(page, stretch)));
  return rows;
}

type Stretch = readonly [LogPlace, ...LogPlace[]];

function* stretchesOf(places: readonly LogPlace[]): Generator<Stretch> {
  let stretch: [LogPlace, ...LogPlace[]] | undefined;
  for (const place of places) {
    const before = stretch?.at(-1);
    const isNear = before && place.leafIndex - before.leafIndex <= SPARSE;
    if (stretch && isNear && place.leafIndex - stretch[0].leafIndex < STRETCH_MAX)
      stretch.push(place);
    else {
      if (stretch) yield stretch;
      stretch = [place];
    }
  }
  if (stretch) yield stretch;
}

async function stretchRows(page: LogReader['page'], stretch: Stretch): Promise<readonly LogRow[]> {
  const wanted = new Set(stretch.map(({ position }) => position));
  const [begin, end] = [stretch[0], stretch.at(-1) ?? stretch[0]];
  const found: LogRow[] = [];
  let left = end.leafIndex - begin.leafIndex + 1;
  for (let after = begin.positionBefore; left > 0;) {
    const { rows, position } = await page(after, left, {});
    for (const row of rows) if (wanted.has(row.position)) found.push(row);
    left -= rows.length;
    if (position <= after || rows.length === 0) break;
    after = position;
  }
  return found;
}
