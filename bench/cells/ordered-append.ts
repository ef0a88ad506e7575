/**
 * R9: appends of three events through the event store, whose positions are in commit order, against
 * the same appends into a bigserial table without the lock that makes them so. On both sides a
 * reader in another process follows by position; on ours it may never skip an event.
 */
import type { AppendConfig, Appended } from '../baselines/event-append.js';
import type { ReaderAsk, ReaderConfig, Seen } from '../baselines/log-reader.js';
import type { Timed } from '../baselines/loops.js';
import { startPart } from '../children.js';
import { query } from '../database.js';
import { withDefer, type Defer } from '../defer.js';
import type { Bench, Cell, Side } from '../cell.js';
import { eventStoreMigrations } from '../../infra/migrations/all.js';
import { CLIENTS } from '../settings.js';
import { turnSeconds } from './accepts.js';

const PLAIN_TABLE = `
  CREATE TABLE plain_events (
    position bigserial PRIMARY KEY,
    stream   text COLLATE "C" NOT NULL,
    revision integer NOT NULL,
    id       uuid NOT NULL,
    type     text COLLATE "C" NOT NULL,
    data     text NOT NULL,
    metadata text NOT NULL,
    UNIQUE (stream, revision)
  )`;

export const orderedAppend: Cell = {
  ids: ['R9', 'R9.writers'],
  title: 'Ordered append',
  open: (bench, wants) =>
    withDefer(async (defer) => {
      const one = wants('R9') ? await comparisonOf(bench, 1, defer) : undefined;
      const two = wants('R9.writers') ? await comparisonOf(bench, 2, defer) : undefined;
      const common = { metric: 'perSecond', unit: ' appends/s', target: 0.95 };
      const name = 'ordered append ÷ plain bigserial append';
      return {
        comparisons: [
          ...(one ? [{ id: 'R9', name, ...one, ...common }] : []),
          ...(two ? [{ id: 'R9.writers', name: `${name}, two processes`, ...two, ...common }] : []),
        ],
        check: async () => [one, two].flatMap((sides) => sides?.a.lost() ?? []),
        notes: () => [one, two].flatMap((sides) => (sides ? [sides.a.told(), sides.b.told()] : [])),
      };
    }),
};

interface AppendSide extends Side {
  /** What the reader should have seen and did not. */
  lost(): string[];
  told(): string;
}

async function comparisonOf(bench: Bench, writers: number, defer: Defer) {
  const { databases } = bench;
  const orderedUrl = await databases.fresh(`ordered_${writers}`);
  defer(() => databases.drop(orderedUrl));
  for (const { sql } of eventStoreMigrations) await query(orderedUrl, sql);
  const plainUrl = await databases.fresh(`plain_${writers}`);
  defer(() => databases.drop(plainUrl));
  await query(plainUrl, PLAIN_TABLE);
  const ordered = { url: orderedUrl, table: 'eventstore.events', kind: 'ordered' as const };
  const plain = { url: plainUrl, table: 'plain_events', kind: 'plain' as const };
  return {
    a: await sideOf(bench, { ...ordered, writers, name: 'ordered' }, defer),
    b: await sideOf(bench, { ...plain, writers, name: 'plain' }, defer),
  };
}

interface SideOptions extends ReaderConfig {
  readonly kind: AppendConfig['kind'];
  readonly writers: number;
  readonly name: string;
}

async function sideOf(bench: Bench, options: SideOptions, defer: Defer): Promise<AppendSide> {
  const { url, table, kind, writers, name } = options;
  const config: AppendConfig = { url, kind, appenders: CLIENTS / writers };
  const appending = await Promise.all(
    Array.from({ length: writers }, () =>
      startPart<null, Timed, Appended>('baselines/event-append.js', config),
    ),
  );
  for (const part of appending) defer(() => part.stop());
  const reader = await startPart<null, ReaderAsk, Seen>('baselines/log-reader.js', { url, table });
  defer(() => reader.stop());
  let skipped = 0;
  let appended = 0;
  let seen = 0;
  return {
    name: `${name} appends/s${writers > 1 ? `, ${writers} processes` : ''}`,
    async measure(warmUp) {
      const seconds = turnSeconds(bench, warmUp);
      await reader.ask({ do: 'follow' });
      const turns = await Promise.all(appending.map((part) => part.ask({ seconds })));
      const read = await reader.ask({ do: 'finish' });
      skipped += read.skipped;
      seen += read.seen;
      for (const { events } of turns) appended += events;
      return { perSecond: turns.reduce((sum, turn) => sum + turn.perSecond, 0) };
    },
    lost: () =>
      seen === appended && skipped === 0
        ? []
        : [`${name}: ${appended} events were appended, ${seen} read, ${skipped} skipped`],
    told: () => `${name}, ${writers} writing: of ${appended} events the reader skipped ${skipped}`,
  };
}
