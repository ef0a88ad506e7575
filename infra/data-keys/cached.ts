/**
 * Data keys in the memory of a process. While any is in use, the process asks every half second
 * which were destroyed, whatever other process did it; a key is not used when that was not answered
 * for two seconds, and is read again then. Where nothing was asked for a minute, nothing is kept.
 */
import { openRecentMap, type RecentMap } from '../recent-map.js';
import type { CachedDataKeys, DataKey, DataKeys } from './port.js';

interface CachedDataKeysOptions {
  readonly keys: DataKeys;
  readonly organizationsMax?: number;
  readonly lookEveryMs?: number;
  readonly staleAfterMs?: number;
  readonly idleMs?: number;
}

export function openCachedDataKeys(options: CachedDataKeysOptions): CachedDataKeys {
  const { keys, organizationsMax = 10_000, idleMs = 60_000 } = options;
  const { lookEveryMs = 500, staleAfterMs = 2_000 } = options;
  const emptied = <V>(): RecentMap<string, V> =>
    openRecentMap({ costMax: Infinity, entriesMax: organizationsMax });
  let current = emptied<DataKey>();
  let byId = emptied<DataKey>();
  let erased = new Set<string>();
  let last: bigint | undefined;
  let lookedMs = -Infinity;
  let usedMs = 0;
  let looking: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  function forgetAll(): void {
    clearInterval(timer);
    timer = undefined;
    last = undefined;
    lookedMs = -Infinity;
    [current, byId, erased] = [emptied(), emptied(), new Set()];
  }

  function forget(organizationId: string): void {
    if (erased.size >= organizationsMax) forgetAll();
    else erased.add(organizationId);
  }

  /** What is kept was there at a moment before the answer came. */
  async function look(): Promise<void> {
    const askedMs = performance.now();
    const { last: number, organizationIds } = await keys.destroyed(last);
    for (const id of organizationIds) forget(id);
    last = number;
    lookedMs = askedMs;
  }

  const lookOnce = (): Promise<void> => (looking ??= look().finally(() => (looking = undefined)));

  function lookAgain(): void {
    if (performance.now() - usedMs > idleMs) return forgetAll();
    // The keys grow stale where it goes on like this, and who needs one is told then.
    lookOnce().catch(() => undefined);
  }

  const isFresh = (nowMs: number): boolean => nowMs - lookedMs < staleAfterMs;

  /** A key that is read after a look, and before the next, was not destroyed before that look. */
  async function kept(read: () => Promise<DataKey | 'erased' | undefined>) {
    usedMs = performance.now();
    if (!isFresh(usedMs)) await lookOnce();
    timer ??= setInterval(lookAgain, lookEveryMs).unref();
    const key = await read();
    if (typeof key !== 'object') return key;
    if (erased.has(key.organizationId)) return 'erased';
    byId.set(key.id, key, 0);
    return key;
  }

  function usable(key: DataKey | undefined): DataKey | undefined {
    if (!key || erased.has(key.organizationId)) return undefined;
    const nowMs = performance.now();
    usedMs = nowMs;
    return isFresh(nowMs) ? key : undefined;
  }

  return {
    known: (organizationId) => usable(current.get(organizationId)),
    async keyFor(organizationId) {
      const known = usable(current.get(organizationId));
      if (known) return known;
      const key = (await kept(() => keys.keyFor(organizationId))) as DataKey | 'erased';
      if (typeof key === 'object') current.set(organizationId, key, 0);
      return key;
    },
    keyOf: async (id) => usable(byId.get(id)) ?? kept(() => keys.keyOf(id)),
    async destroy(organizationId) {
      const isNew = await keys.destroy(organizationId);
      forget(organizationId);
      return isNew;
    },
    destroyed: (after) => keys.destroyed(after),
    close: forgetAll,
  };
}
