/** The events of one organization's feed, read from the log by where their leaves are. */
import type { AnyEvent } from '../../contracts/events/all.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { OrganizationId } from '../../contracts/ids.js';
import type { FeedPlace } from '../../domain/proof/feed-places.js';
import type { EventStore } from '../event-store/port.js';
import type { ProofStore } from './port.js';

export interface PlacedEvent {
  readonly event: RecordedEvent<AnyEvent>;
  readonly leafIndex: number;
  readonly sequence: number;
}

interface FeedSources {
  readonly proofs: Pick<ProofStore, 'runs' | 'feedEnds' | 'firstRunSince'>;
  readonly store: Pick<EventStore, 'readAll'>;
}

interface FeedRange {
  readonly organizationId: OrganizationId;
  /** Sequence numbers; both are in it. */
  readonly first: number;
  readonly last: number;
}

const RUNS_PAGE = 200;
const LOG_PAGE = 2_000;
/** Of a page of the log, at least one event in so many is of the feed. */
const SPARSE = 32;

/** In their order, some at a time; the next page of the log is read meanwhile. */
export async function* feedEvents(
  sources: FeedSources,
  range: FeedRange,
): AsyncGenerator<readonly PlacedEvent[]> {
  let next: Promise<readonly PlacedEvent[]> | undefined;
  for await (const stretch of stretchesOf(sources, range)) {
    const reading = readStretch(sources, stretch);
    // Nobody awaits it when the reader stops here.
    reading.catch(() => undefined);
    if (next) yield await next;
    next = reading;
  }
  if (next) yield await next;
}

interface Placed extends FeedPlace {
  readonly sequence: number;
}

/** Places that are so near to one another that the log between them is read with them. */
type Stretch = readonly Placed[];

async function* stretchesOf(
  { proofs }: FeedSources,
  { organizationId, first, last }: FeedRange,
): AsyncGenerator<Stretch> {
  let stretch: Placed[] = [];
  for (let from = first; from <= last;) {
    const runs = await proofs.runs(organizationId, from, RUNS_PAGE);
    if (runs.length === 0) throw new Error(`event ${from} of ${organizationId} has no place`);
    for (const { firstSequence, places } of runs)
      for (const [n, place] of places.entries()) {
        const sequence = firstSequence + n;
        if (sequence < from || sequence > last) continue;
        if (!belongs(stretch, place)) {
          yield stretch;
          stretch = [];
        }
        stretch.push({ ...place, sequence });
        from = sequence + 1;
      }
  }
  if (stretch.length > 0) yield stretch;
}

function belongs(stretch: Stretch, { leafIndex }: FeedPlace): boolean {
  const [begin, before] = [stretch[0], stretch.at(-1)];
  if (!begin || !before) return true;
  const isNear = leafIndex - before.leafIndex <= SPARSE;
  return isNear && leafIndex - begin.leafIndex < LOG_PAGE;
}

async function readStretch(
  { store }: FeedSources,
  stretch: Stretch,
): Promise<readonly PlacedEvent[]> {
  const [begin, end] = [stretch[0], stretch.at(-1)];
  if (!begin || !end) return [];
  const byPosition = new Map(stretch.map((place) => [place.position, place]));
  const found: PlacedEvent[] = [];
  for (let [after, left] = [begin.positionBefore, end.leafIndex - begin.leafIndex + 1]; left > 0;) {
    const { events, position } = await store.readAll(after, left);
    for (const event of events) {
      const place = byPosition.get(event.position);
      if (place) found.push({ event, leafIndex: place.leafIndex, sequence: place.sequence });
    }
    if (found.length === stretch.length) return found;
    left -= events.length;
    if (position <= after || events.length === 0) break;
    after = position;
  }
  throw new Error(`the log lacks events between ${begin.position} and ${end.position}`);
}

/** The number of the last event whose leaf is in the tree of a size; 0 where none is. */
export async function lastWithin(
  proofs: Pick<ProofStore, 'runs' | 'feedEnds'>,
  organizationId: OrganizationId,
  size: number,
): Promise<number> {
  const ends = await proofs.feedEnds([organizationId]);
  for (let last = ends.get(organizationId)?.sequence ?? 0; last > 0;) {
    const [run] = await proofs.runs(organizationId, last, 1);
    if (!run) break;
    const within = run.places.filter(({ leafIndex }) => leafIndex < size).length;
    if (within > 0) return run.firstSequence + within - 1;
    last = run.firstSequence - 1;
  }
  return 0;
}

/** The number of the first event by which the feed's time had come to a moment. */
export async function firstSince(
  { proofs, store }: FeedSources,
  organizationId: OrganizationId,
  moment: Date,
): Promise<number | undefined> {
  const start = await proofs.firstRunSince(organizationId, moment);
  if (start === undefined) return undefined;
  const wanted = moment.toISOString();
  const [run] = await proofs.runs(organizationId, start, 1);
  if (!run) return undefined;
  const [first, last] = [run.firstSequence, run.firstSequence + run.places.length - 1];
  for await (const events of feedEvents({ proofs, store }, { organizationId, first, last }))
    for (const { event, sequence } of events)
      if ((event.data as { readonly at: string }).at >= wanted) return sequence;
  return undefined;
}
