/** `events tail`: the log as JSON lines, money as decimal strings. */
import { eventSchemas, type AnyEvent } from '../contracts/events/all.js';
import type { RecordedEvent } from '../contracts/events/envelope.js';
import { formatMoney } from '../contracts/money.js';
import {
  START,
  type EventStore,
  type LogFilter,
  type Position,
} from '../infra/event-store/port.js';
import { StartError } from '../infra/start-error.js';
import type { Context } from './context.js';
import { withDatabase, type Database } from '../runtime/open-database.js';

const NEWEST = 20;
const PAGE = 1_000;

export function tailEvents(
  context: Context,
  options: { readonly from?: bigint; readonly types?: string; readonly follow?: true },
): Promise<void> {
  const filter = filterOf(options.types);
  return withDatabase(context.config(), async (database) => {
    const { store } = database;
    const head = await store.head();
    const stretch = await stretchOf(database, options.from);
    if (options.follow) return follow(context, store, stretch, filter);
    await printUntil(context, store, { ...stretch, head, filter });
  });
}

interface Stretch {
  /** Where reading begins; always a place that the log itself has named, since they have gaps. */
  readonly after: Position;
  /** The first position that is printed. */
  readonly from: Position;
}

async function stretchOf(database: Database, from: Position | undefined): Promise<Stretch> {
  if (from !== undefined) return { after: await placeBefore(database, from), from };
  const newest = await database.rawLog.newest(NEWEST + 1);
  const before = newest.length > NEWEST ? newest[0]?.position : undefined;
  return { after: before ?? START, from: START };
}

/** Where some reader of this system stands, as near as there is one. */
async function placeBefore({ readStore }: Database, from: Position): Promise<Position> {
  const { rows } = await readStore.query<{ place: bigint | null }>(
    `SELECT max(position) AS place FROM (
       SELECT position FROM processing.checkpoints
       UNION ALL SELECT position FROM readmodel.projections
     ) places WHERE position < $1`,
    [from],
  );
  return rows[0]?.place ?? START;
}

function filterOf(types: string | undefined): LogFilter {
  if (types === undefined) return {};
  const names = types.split(',').map((name) => name.trim());
  for (const name of names)
    if (!Object.hasOwn(eventSchemas, name))
      throw new StartError(
        `There is no event type ${name}: use ${Object.keys(eventSchemas).join(', ')}.`,
      );
  return { types: names as AnyEvent['type'][] };
}

async function printUntil(
  { print, signal }: Context,
  store: EventStore,
  { after, from, head, filter }: Stretch & { head: Position; filter: LogFilter },
): Promise<void> {
  for (let at = after; at < head && !signal.aborted;) {
    const { events, position } = await store.readAll(at, PAGE, filter);
    for (const event of events)
      if (event.position >= from && event.position <= head) print(lineOf(event));
    if (position <= at) return;
    at = position;
  }
}

async function follow(
  { print, signal }: Context,
  store: EventStore,
  { after, from }: Stretch,
  filter: LogFilter,
): Promise<void> {
  for await (const { events } of store.subscribe(after, filter, signal))
    for (const event of events) if (event.position >= from) print(lineOf(event));
}

function lineOf({ position, stream, revision, type, id, data, metadata }: RecordedEvent<AnyEvent>) {
  const shown: Record<string, unknown> = { ...data };
  for (const field of eventSchemas[type].money)
    if (typeof shown[field] === 'bigint') shown[field] = formatMoney(shown[field]);
  const line = { position: `${position}`, stream, revision, type, id, data: shown, metadata };
  return JSON.stringify(line);
}
