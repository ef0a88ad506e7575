/**
 * Where every event lies: by its place in the log, by stream and revision, by position. Events that
 * are only pretended have places and positions, and take no memory.
 */
import { openPretended } from './pretended-events.js';
import { TOMBSTONE_REVISION } from './record.js';

export interface StreamState {
  readonly number: number;
  readonly name: string;
  /** The log index of each revision, from 0 on. */
  readonly indexes: number[];
  /** Revisions below are gone for readers; `Infinity` after a deletion. */
  truncateBefore: number;
  maxCount: number;
  isTombstoned: boolean;
}

export interface IndexedEvent {
  /** Where its record begins in the file. */
  readonly offset: number;
  readonly size: number;
  readonly stream: string;
  readonly type: string;
  readonly revision: number;
}

export interface EventIndex {
  readonly count: number;
  readonly streamNames: readonly string[];
  readonly typeNames: readonly string[];
  add(event: IndexedEvent): StreamState;
  /** So many events that are not there, behind the last one. */
  pretend(offset: number, count: number): void;
  /** Whether the event at a place is only pretended. */
  isPretended(index: number): boolean;
  /** What the next event's position will be, when its record begins there. */
  positionOf(offset: number): number;
  offsetAt(index: number): number;
  stream(name: string): StreamState | undefined;
  streams(): Iterable<StreamState>;
  positionAt(index: number): number;
  sizeAt(index: number): number;
  streamNumberAt(index: number): number;
  typeNumberAt(index: number): number;
  /** The index of the first event at or behind a position. */
  firstFrom(position: number): number;
}

/** What a standard projection writes: links, three for each event. */
export const PRETENDED_STREAM = '$ce-pretended';
export const PRETENDED_TYPE = '$>';

export function openEventIndex(): EventIndex {
  const offsets = growing((length) => new Float64Array(length));
  const sizes = growing((length) => new Uint32Array(length));
  const streamNumbers = growing((length) => new Uint32Array(length));
  const typeNumbers = growing((length) => new Uint32Array(length));
  const streams = new Map<string, StreamState>();
  const streamNames: string[] = [];
  const types = new Map<string, number>();
  const typeNames: string[] = [];
  const pretended = openPretended();
  let stored = 0;

  const streamOf = (name: string): StreamState => {
    const known = streams.get(name);
    if (known) return known;
    const number = streamNames.push(name) - 1;
    const rules = { truncateBefore: 0, maxCount: Infinity, isTombstoned: false };
    const stream: StreamState = { number, name, indexes: [], ...rules };
    streams.set(name, stream);
    return stream;
  };
  const typeOf = (name: string): number => {
    const known = types.get(name);
    if (known !== undefined) return known;
    const number = typeNames.push(name) - 1;
    types.set(name, number);
    return number;
  };

  const positionAt = (at: number): number =>
    pretended.positionOf(at) ?? offsets.at(pretended.storedOf(at)) + pretended.shiftAt(at);
  return {
    get count() {
      return stored + pretended.count;
    },
    streamNames,
    typeNames,
    add: (event) => {
      const stream = streamOf(event.stream);
      offsets.put(stored, event.offset);
      sizes.put(stored, event.size);
      streamNumbers.put(stored, stream.number);
      typeNumbers.put(stored, typeOf(event.type));
      if (event.revision === TOMBSTONE_REVISION) stream.isTombstoned = true;
      else stream.indexes.push(stored + pretended.count);
      stored += 1;
      return stream;
    },
    pretend: (offset, count) => {
      const names = { stream: streamOf(PRETENDED_STREAM).number, type: typeOf(PRETENDED_TYPE) };
      pretended.add({ ...names, first: stored + pretended.count, offset, count });
    },
    isPretended: (at) => pretended.find(at) !== undefined,
    positionOf: (offset) => offset + pretended.shift,
    offsetAt: (at) => offsets.at(pretended.storedOf(at)),
    stream: (name) => streams.get(name),
    streams: () => streams.values(),
    positionAt,
    sizeAt: (at) => sizes.at(pretended.storedOf(at)),
    streamNumberAt: (at) => pretended.find(at)?.stream ?? streamNumbers.at(pretended.storedOf(at)),
    typeNumberAt: (at) => pretended.find(at)?.type ?? typeNumbers.at(pretended.storedOf(at)),
    firstFrom: (position) => firstOf(stored + pretended.count, (at) => positionAt(at) >= position),
  };
}

/** The first of so many numbers that passes, as all behind it do. */
function firstOf(count: number, passes: (number: number) => boolean): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (passes(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

interface Numbers {
  readonly length: number;
  [index: number]: number;
  set(from: ArrayLike<number>): void;
}

/** Doubles when it is full; a quarter of a million events take a few megabytes. */
function growing(create: (length: number) => Numbers) {
  let numbers = create(1024);
  return {
    at: (index: number): number => numbers[index] ?? NaN,
    put: (index: number, value: number): void => {
      if (index >= numbers.length) {
        const larger = create(numbers.length * 2);
        larger.set(numbers);
        numbers = larger;
      }
      numbers[index] = value;
    },
  };
}
