/**
 * A draw by weight that comes out the same whenever it is made again: what is drawn from is a name,
 * here of an execution's attempt, whose hash is spread evenly.
 */

/** Undefined where nothing has a weight above zero. */
export function drawn<T>(
  from: readonly T[],
  weightOf: (one: T) => number,
  name: string,
): T | undefined {
  const sum = from.reduce((all, one) => all + weightOf(one), 0);
  let rest = fractionOf(name) * sum;
  return from.find((one) => {
    const weight = weightOf(one);
    rest -= weight;
    return weight > 0 && rest < 0;
  });
}

/** At least 0 and less than 1: FNV-1a over the UTF-16 units, mixed once more (murmur3's end). */
function fractionOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index++)
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
