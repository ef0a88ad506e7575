/**
 * A cut through the log: what an answer of an earlier moment is made from is before it, the rest is
 * behind it. Of a stream everything before its first event behind the cut counts, so that a stream
 * is read as it once was, whatever the clocks of its writers.
 *
 * A stream is searched by halves: one of ten million events costs some twenty-five short reads.
 */
import type { AnyEvent } from '../../contracts/events/all.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { StreamName } from '../../contracts/streams.js';
import type { EventStore, Position } from '../../infra/event-store/port.js';

/** The moment and the position themselves are before the cut. */
export type Cut =
  | { readonly kind: 'time'; readonly ms: number }
  | { readonly kind: 'position'; readonly position: Position };

type Event = RecordedEvent<AnyEvent>;
type Store = Pick<EventStore, 'readStream'>;

/** Times within a stream are out of order by at most so many events. */
const DISORDER_MAX = 128;

/** The last event of the stream before the cut; undefined where there is none. */
export async function lastBefore(
  store: Store,
  stream: StreamName,
  cut: Cut,
): Promise<Event | undefined> {
  const newest = await eventsUpTo(store, stream, undefined);
  const [oldest] = newest;
  if (!oldest) return undefined;
  if (oldest.revision === 0 || !isBehind(cut, oldest)) return before(cut, newest).at(-1);
  const found = await search(store, stream, cut, oldest.revision);
  if (found === undefined) return undefined;
  return lastUpTo(store, stream, cut, found);
}

/** The events of a list that are before the cut; it begins with one that is. */
export function before<E extends Pick<Event, 'data' | 'metadata' | 'position'>>(
  cut: Cut,
  events: readonly E[],
): readonly E[] {
  const end = events.findIndex((event) => isBehind(cut, event));
  return end < 0 ? events : events.slice(0, end);
}

/** Facts say when they were decided, which is what callers are shown. */
function isBehind(cut: Cut, event: Pick<Event, 'data' | 'metadata' | 'position'>): boolean {
  if (cut.kind === 'position') return event.position > cut.position;
  const { at = event.metadata.time } = event.data as { readonly at?: string };
  return Date.parse(at) > cut.ms;
}

/** So many as may be out of order, the oldest first; without a revision those at the end. */
async function eventsUpTo(
  store: Store,
  stream: StreamName,
  revision: number | undefined,
): Promise<readonly Event[]> {
  const from = revision !== undefined && { fromRevision: revision };
  const options = { direction: 'backward', limit: DISORDER_MAX, ...from } as const;
  return (await store.readStream(stream, options)).toReversed();
}

/** The revision of an event before the cut that the next probed one is behind. */
async function search(
  store: Store,
  stream: StreamName,
  cut: Cut,
  end: number,
): Promise<number | undefined> {
  const isBefore = async (revision: number) => {
    const [event] = await store.readStream(stream, { fromRevision: revision, limit: 1 });
    return event !== undefined && !isBehind(cut, event);
  };
  if (!(await isBefore(0))) return undefined;
  let found = 0;
  // The same revisions are probed however long the stream has become: an answer never changes.
  for (let step = 2 ** Math.floor(Math.log2(end)); step >= 1; step /= 2)
    if (found + step < end && (await isBefore(found + step))) found += step;
  return found;
}

/** An event shortly before the found one may be behind the cut already. */
async function lastUpTo(
  store: Store,
  stream: StreamName,
  cut: Cut,
  found: number,
): Promise<Event | undefined> {
  for (let revision = found; revision >= 0; revision -= DISORDER_MAX) {
    const last = before(cut, await eventsUpTo(store, stream, revision)).at(-1);
    if (last) return last;
  }
  return undefined;
}
