/** What the servers do differently that this one can be; read from their published source. */

export interface Ways {
  /** A subscriber that does not keep up falls behind and catches up; earlier it is dropped. */
  readonly fallsBehind: boolean;
  /** A scan that found nothing to send ends with a checkpoint of 2^64 - 1, and is sent no other. */
  readonly checkpointsNothing: boolean;
  /** A checkpoint at the end of a scan is as far as it looked, not the last event that it sent. */
  readonly checkpointsTheEnd: boolean;
  /** What a one-off read at no event's position is answered with, after its result's type. */
  readonly invalidPosition: 'Error' | 'InvalidPosition';
  /** One event has a largest size too, and a refusal of its own. */
  readonly limitsEvents: boolean;
}

/** Of a version as `23.10.6`; what is behind the third number does not count. */
export function waysOf(version: string): Ways {
  const isFrom = (...wanted: readonly number[]) => compare(numbersIn(version), wanted) >= 0;
  return {
    fallsBehind: isFrom(24, 2),
    checkpointsNothing: isFrom(24, 2) && !isFrom(25),
    checkpointsTheEnd: isFrom(25),
    invalidPosition: isFrom(24, 2) ? 'InvalidPosition' : 'Error',
    limitsEvents: isFrom(24, 10, 4),
  };
}

const numbersIn = (version: string): readonly number[] =>
  version.split('.', 3).map((part) => Number.parseInt(part, 10));

function compare(left: readonly number[], right: readonly number[]): number {
  const at = right.findIndex((number, place) => number !== (left[place] ?? 0));
  return at === -1 ? 0 : (left[at] ?? 0) - (right[at] ?? 0);
}
