/** Where every event lies: by its place in the log, by stream and revision, by position. */
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
  readonly position: number;
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
  stream(name: string): StreamState | undefined;
  streams(): Iterable<StreamState>;
  positionAt(index: number): number;
  sizeAt(index: number): number;
  streamNumberAt(index: number): number;
  typeNumberAt(index: number): number;
  /** The index of the first event at or behind a position. */
  firstFrom(position: number): number;
}

export function openEventIndex(): EventIndex {
  const positions = growing((length) => new Float64Array(length));
  const sizes = growing((length) => new Uint32Array(length));
  const streamNumbers = growing((length) => new Uint32Array(length));
  const typeNumbers = growing((length) => new Uint32Array(length));
  const streams = new Map<string, StreamState>();
  const streamNames: string[] = [];
  const types = new Map<string, number>();
  const typeNames: string[] = [];
  let count = 0;

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

  return {
    get count() {
      return count;
    },
    streamNames,
    typeNames,
    add: (event) => {
      const stream = streamOf(event.stream);
      positions.put(count, event.position);
      sizes.put(count, event.size);
      streamNumbers.put(count, stream.number);
      typeNumbers.put(count, typeOf(event.type));
      if (event.revision === TOMBSTONE_REVISION) stream.isTombstoned = true;
      else stream.indexes.push(count);
      count += 1;
      return stream;
    },
    stream: (name) => streams.get(name),
    streams: () => streams.values(),
    positionAt: positions.at,
    sizeAt: sizes.at,
    streamNumberAt: streamNumbers.at,
    typeNumberAt: typeNumbers.at,
    firstFrom: (position) => {
      let [low, high] = [0, count];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (positions.at(middle) < position) low = middle + 1;
        else high = middle;
      }
      return low;
    },
  };
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
