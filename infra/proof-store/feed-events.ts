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
  readonly store: Pick<EventStore, 'readAt'>;
}

interface FeedRange {
  readonly organizationId: OrganizationId;
  /** Sequence numbers; both are in it. */
  readonly first: number;
  readonly last: number;
}

/** Of one question. A run has a place or thousands, so the next question asks for so many. */
const RUNS_MAX = 200;
const PLACES = 4_000;
/** So many are decoded, and made into lines, before anything else of the process has its turn. */
const PAGE = 400;
/** Pages that are read ahead. */
const AHEAD = 2;

/** In their order, some at a time; the next pages are read meanwhile. */
export async function* feedEvents(
  sources: FeedSources,
  range: FeedRange,
): AsyncGenerator<readonly PlacedEvent[]> {
  const reading: Promise<readonly PlacedEvent[]>[] = [];
  for await (const page of pagesOf(sources, range)) {
    const read = readPage(sources, page);
    // Nobody awaits it when the reader stops here.
    read.catch(() => undefined);
    if (reading.push(read) <= AHEAD) continue;
    const next = await reading.shift();
    if (next) yield next;
  }
  for (const next of reading) yield await next;
}

interface Placed extends FeedPlace {
  readonly sequence: number;
}

async function* pagesOf(
  { proofs }: FeedSources,
  { organizationId, first, last }: FeedRange,
): AsyncGenerator<readonly Placed[]> {
  let page: Placed[] = [];
  let runsWanted = 1;
  for (let from = first; from <= last;) {
    const runs = await proofs.runs(organizationId, from, runsWanted);
    if (runs.length === 0) throw new Error(`event ${from} of ${organizationId} has no place`);
    const placesOfRun = runs.reduce((sum, { places }) => sum + places.length, 0) / runs.length;
    runsWanted = Math.max(1, Math.min(RUNS_MAX, Math.floor(PLACES / placesOfRun)));
    for (const { firstSequence, places } of runs)
      for (const [n, { leafIndex, position, positionBefore }] of places.entries()) {
        const sequence = firstSequence + n;
        if (sequence < from || sequence > last) continue;
        page.push({ leafIndex, position, positionBefore, sequence });
        from = sequence + 1;
        if (page.length < PAGE) continue;
        yield page;
        page = [];
      }
  }
  if (page.length > 0) yield page;
}

async function readPage(
  { store }: FeedSources,
  page: readonly Placed[],
): Promise<readonly PlacedEvent[]> {
  const events = await store.readAt(page);
  return page.map(({ position, leafIndex, sequence }, n) => {
    const event = events[n];
    if (event?.position === position) return { event, leafIndex, sequence };
    throw new Error(`the log lacks the event at ${position}`);
  });
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

interface Coming {
  readonly organizationId: OrganizationId;
  readonly to: Date;
  readonly size: number;
}

/**
 * Whether the tree of a size has an event by which the feed's time had come to `to`: then it has
 * all events before `to`, and no later one is among them.
 */
export async function hasCome(
  proofs: Pick<ProofStore, 'runs' | 'firstRunSince'>,
  { organizationId, to, size }: Coming,
): Promise<boolean> {
  const start = await proofs.firstRunSince(organizationId, to);
  if (start === undefined) return false;
  const [run] = await proofs.runs(organizationId, start, 1);
  const last = run?.places.at(-1);
  return last !== undefined && last.leafIndex < size;
}
