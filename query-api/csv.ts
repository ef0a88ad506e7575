/**
 * CSV (RFC 4180) that spreadsheets open without harm: what callers wrote and what a spreadsheet
 * would take for a formula begins with an apostrophe there.
 */
import { Readable } from 'node:stream';
import { preferred } from '../http/server/accept.js';
import type { ApiRequest, Reply } from '../http/server/route.js';
import type { Place } from './cursor.js';

export const wantsCsv = (request: Pick<ApiRequest, 'header'>): boolean =>
  preferred(request.header('accept'), ['application/json', 'text/csv']) === 'text/csv';

/** Chunks of lines are made as fast as they are taken. */
export const csvReply = (name: string, chunks: AsyncIterable<string>): Reply => ({
  status: 200,
  headers: {
    'content-type': 'text/csv; charset=utf-8; header=present',
    'content-disposition': `attachment; filename="${name}.csv"`,
    vary: 'Accept',
  },
  stream: Readable.from(chunks),
});

const CHUNK_LINES = 1_000;

interface CsvPages<T> {
  readonly columns: readonly string[];
  /** In the order of the list, from behind a place. */
  readonly read: (after: Place | undefined, limit: number) => Promise<readonly T[]>;
  readonly placeOf: (item: T) => Place;
  readonly lineOf: (item: T) => string;
}

/** Page by page, so that a list of any length takes no more memory than one of them. */
export async function* csvPages<T>(
  { columns, read, placeOf, lineOf }: CsvPages<T>,
  start: Place | undefined,
  linesMax: number,
): AsyncGenerator<string> {
  yield csvLine(columns);
  let after = start;
  for (let left = linesMax; left > 0; left -= CHUNK_LINES) {
    const limit = Math.min(left, CHUNK_LINES);
    const items = await read(after, limit);
    const last = items.at(-1);
    if (last !== undefined) yield items.map(lineOf).join('');
    if (last === undefined || items.length < limit) return;
    after = placeOf(last);
  }
}

/** Ids, words, amounts and times of ours are written as they are. */
export const csvLine = (cells: readonly string[]): string => `${cells.join(',')}\r\n`;

/** What callers wrote; null is an empty cell. */
export function textCell(text: string | null): string {
  if (text === null) return '';
  const harmless = formula.test(text) ? `'${text}` : text;
  return special.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

const formula = /^[=+\-@\t\r]/;
const special = /[",\r\n]|^\s|\s$/;
