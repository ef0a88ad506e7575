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
import { withDatabase } from './database.js';

const NEWEST = 20n;
const PAGE = 1_000;

export function tailEvents(
  context: Context,
  options: { readonly from?: bigint; readonly types?: string; readonly follow?: true },
): Promise<void> {
  const filter = filterOf(options.types);
  return withDatabase(context.config(), async ({ store }) => {
    const head = await store.head();
    const first = options.from ?? head + 1n - NEWEST;
    const after = first > 0n ? first - 1n : START;
    if (options.follow) return follow(context, store, after, filter);
    await printUntil(context, store, { after, head, filter });
  });
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
  { after, head, filter }: { after: Position; head: Position; filter: LogFilter },
): Promise<void> {
  for (let at = after; at < head && !signal.aborted;) {
    const { events, position } = await store.readAll(at, PAGE, filter);
    for (const event of events) if (event.position <= head) print(lineOf(event));
    if (position <= at) return;
    at = position;
  }
}

async function follow(
  { print, signal }: Context,
  store: EventStore,
  after: Position,
  filter: LogFilter,
): Promise<void> {
  for await (const { events } of store.subscribe(after, filter, signal))
    for (const event of events) print(lineOf(event));
}

function lineOf({ position, stream, revision, type, id, data, metadata }: RecordedEvent<AnyEvent>) {
  const shown: Record<string, unknown> = { ...data };
  for (const field of eventSchemas[type].money)
    if (typeof shown[field] === 'bigint') shown[field] = formatMoney(shown[field]);
  const line = { position: `${position}`, stream, revision, type, id, data: shown, metadata };
  return JSON.stringify(line);
}
