/** What a subscription reads, page by page: all events of the log, or those of one stream. */
import type { EventFilter } from './filter.js';
import type { Passing } from './passing.js';
import type { Store } from './store.js';

export interface Source {
  /** Behind the last event that may be seen; places are log indexes, or revisions. */
  readonly end: number;
  page(from: number): Page;
  /** The first place at or behind a position. */
  placeFrom(position: number): number;
  wants(at: number): boolean;
  message(at: number): Buffer;
  positionAt(at: number): number;
  /** A checkpoint is sent each time so many events were considered; undefined for none. */
  readonly interval: number | undefined;
  readonly passing: Passing;
}

export interface Page {
  readonly from: number;
  readonly found: readonly number[];
  readonly considered: number;
  readonly next: number;
  readonly isEnd: boolean;
}

const PAGE_EVENTS = 32;

export function allSource(store: Store, filter: EventFilter | undefined, passing: Passing): Source {
  const { index } = store;
  const wants = (at: number) => filter === undefined || filter.matches(at);
  return {
    get end() {
      return store.visible;
    },
    page: (from) => {
      const found: number[] = [];
      const windowEnd = from + (filter?.windowEvents ?? Infinity);
      let at = from;
      while (at < store.visible && at < windowEnd && found.length < PAGE_EVENTS) {
        if (wants(at)) found.push(at);
        at += 1;
      }
      passing.passed(at - from - found.length);
      // A page that is full is not the last, even when nothing comes behind it.
      const isFull = found.length === PAGE_EVENTS || at === windowEnd;
      return { from, found, considered: at - from, next: at, isEnd: !isFull };
    },
    placeFrom: (position) => (position < 0 ? 0 : index.firstFrom(position)),
    wants,
    message: (at) => store.responseAt(at),
    positionAt: (at) => (at < 0 ? -1 : index.positionAt(at)),
    interval: filter?.checkpointEvents,
    passing,
  };
}

/** A stream that may not be there yet. */
export function streamSource(store: Store, name: string, passing: Passing): Source {
  const state = () => store.index.stream(name);
  const revisionsSeen = (from: number): number => {
    const { indexes } = state() ?? { indexes: [] };
    let count = indexes.length;
    while (count > from && (indexes[count - 1] ?? 0) >= store.visible) count -= 1;
    return count;
  };
  const message = (revision: number) => store.responseAt(state()?.indexes[revision] ?? 0);
  // What a truncation took away is never sent; `Infinity` is a stream that was deleted.
  const wants = (revision: number) => revision >= (state()?.truncateBefore ?? 0);
  return {
    get end() {
      return revisionsSeen(0);
    },
    page: (from) => {
      const end = revisionsSeen(from);
      const next = Math.min(Math.max(from, end), from + PAGE_EVENTS);
      const all = Array.from({ length: next - from }, (_, offset) => from + offset);
      const isEnd = next - from < PAGE_EVENTS;
      return { from, found: all.filter(wants), considered: all.length, next, isEnd };
    },
    placeFrom: (revision) => Math.max(revision, 0),
    wants,
    message,
    positionAt: (revision) => revision,
    interval: undefined,
    passing,
  };
}
