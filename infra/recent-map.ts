/**
 * A map of what was set lately, for caches on the hot path: a set costs one insertion, and nothing
 * is moved by a get. Entries live in two generations; when the young one is full, or old enough,
 * the elder is dropped and the young one takes its place. So an entry stays until at least half of
 * the bound was set after it, and at most for twice half the age.
 */
export interface RecentMap<K, V> {
  get(key: K): V | undefined;
  /**
   * `cost` is what the entry adds to the sum that `costMax` bounds, e.g. bytes; one that costs more
   * than half of it is not kept.
   */
  set(key: K, value: V, cost: number): void;
  delete(key: K): void;
}

interface RecentMapOptions {
  readonly costMax: number;
  readonly entriesMax: number;
  readonly ageMaxMs?: number;
  /** Milliseconds of a monotonic clock. */
  readonly clock?: () => number;
}

export function openRecentMap<K, V>(options: RecentMapOptions): RecentMap<K, V> {
  const { costMax, entriesMax, ageMaxMs = Infinity, clock = () => performance.now() } = options;
  let elder = new Map<K, V>();
  let young = new Map<K, V>();
  let cost = 0;
  let turnAtMs = clock() + ageMaxMs / 2;

  function turn(): void {
    elder = young;
    young = new Map();
    cost = 0;
  }
  function turnWhenOld(): void {
    const nowMs = clock();
    if (nowMs < turnAtMs) return;
    // After a long pause both generations are too old.
    if (nowMs >= turnAtMs + ageMaxMs / 2) turn();
    turn();
    turnAtMs = nowMs + ageMaxMs / 2;
  }

  return {
    get(key) {
      if (ageMaxMs !== Infinity) turnWhenOld();
      return young.get(key) ?? elder.get(key);
    },
    set(key, value, added) {
      if (ageMaxMs !== Infinity) turnWhenOld();
      if (added > costMax / 2) return this.delete(key);
      young.set(key, value);
      cost += added;
      if (cost > costMax / 2 || young.size > entriesMax / 2) turn();
    },
    delete(key) {
      young.delete(key);
      elder.delete(key);
    },
  };
}
