/**
 * A reader that follows a log by its positions, as a processor in another process would: whatever
 * has a position above the last one that it saw. What appears below it later is never seen.
 */
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { servePart } from './part.js';

export interface ReaderConfig {
  readonly url: string;
  /** With a column `position`. */
  readonly table: string;
}

/** `follow` starts behind the present end; `finish` reads to the end and tells. */
export type ReaderAsk = { readonly do: 'follow' } | { readonly do: 'finish' };

export interface Seen {
  readonly seen: number;
  /** Rows that lie where the reader has been and were not seen. */
  readonly skipped: number;
}

const PAGE = 5_000;
const POLL_MS = 5;

servePart<ReaderConfig, null, ReaderAsk, Seen>(async ({ url, table }) => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const next = {
    name: 'next',
    text: `SELECT position FROM ${table} WHERE position > $1 ORDER BY position LIMIT ${PAGE}`,
    rowMode: 'array' as const,
  };
  let start = '-1';
  let last = '-1';
  let seen = 0;
  let following = false;
  let reading = Promise.resolve();

  async function page(): Promise<number> {
    const { rows } = await client.query<[string]>({ ...next, values: [last] });
    seen += rows.length;
    last = rows.at(-1)?.[0] ?? last;
    return rows.length;
  }

  async function follow(): Promise<void> {
    while (following) if ((await page()) < PAGE) await pause(POLL_MS);
  }

  return {
    ready: null,
    async answer(ask) {
      if (ask.do === 'follow') {
        const { rows } = await client.query<{ end: string }>(
          `SELECT coalesce(max(position), -1) AS end FROM ${table}`,
        );
        start = last = rows[0]?.end ?? '-1';
        seen = 0;
        following = true;
        reading = follow();
        return { seen, skipped: 0 };
      }
      following = false;
      await reading;
      while ((await page()) > 0);
      const { rows } = await client.query<{ there: number }>(
        `SELECT count(*)::int AS there FROM ${table} WHERE position > $1 AND position <= $2`,
        [start, last],
      );
      return { seen, skipped: (rows[0]?.there ?? NaN) - seen };
    },
    close: () => client.end(),
  };
});
