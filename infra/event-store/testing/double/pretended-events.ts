/**
 * Stretches of events that are not there: millions of the server's own, as standard projections
 * write them, without a byte of each. A stretch is one small record in the file; behind it every
 * position is larger than its offset in the file.
 */
export interface Stretch {
  /** The place of its first event in the log. */
  readonly first: number;
  /** Where its record begins in the file. */
  readonly offset: number;
  readonly count: number;
  readonly stream: number;
  readonly type: number;
}

/** A small event of the real server takes about so much of its log. */
const EVENT_BYTES = 150;

interface Placed extends Stretch {
  readonly shiftBefore: number;
  readonly countBefore: number;
}

export function openPretended() {
  const stretches: Placed[] = [];
  let [count, shift] = [0, 0];

  /** The last stretch that begins at or before a place. */
  const lastBefore = (at: number): Placed | undefined =>
    stretches.findLast(({ first }) => first <= at);
  const find = (at: number): Placed | undefined => {
    if (stretches.length === 0) return undefined;
    const last = lastBefore(at);
    return last && at < last.first + last.count ? last : undefined;
  };
  return {
    get count() {
      return count;
    },
    get shift() {
      return shift;
    },
    find,
    add: (stretch: Stretch) => {
      stretches.push({ ...stretch, shiftBefore: shift, countBefore: count });
      count += stretch.count;
      shift += stretch.count * EVENT_BYTES;
    },
    /** Undefined for an event that is there. */
    positionOf: (at: number): number | undefined => {
      const stretch = find(at);
      return stretch && stretch.offset + stretch.shiftBefore + (at - stretch.first) * EVENT_BYTES;
    },
    /** What an event that is there has as its number among those. */
    storedOf: (at: number): number => {
      const last = stretches.length === 0 ? undefined : lastBefore(at);
      return last ? at - last.countBefore - last.count : at;
    },
    shiftAt: (at: number): number => {
      const last = stretches.length === 0 ? undefined : lastBefore(at);
      return last ? last.shiftBefore + last.count * EVENT_BYTES : 0;
    },
  };
}
