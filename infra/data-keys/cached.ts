/**
 * Data keys in the memory of a process. While any is in use, the process asks every half second
 * which were destroyed or renewed, whatever other process did it; a key is not used when that was
 * not answered for two seconds, and is read again then. Where nothing was asked for a minute,
 * nothing is kept.
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

export const openCachedDataKeys = (options: CachedDataKeysOptions): CachedDataKeys =>
  new KeyCache(options);

class KeyCache implements CachedDataKeys {
  private byOrganization: RecentMap<string, DataKey>;
  private byId: RecentMap<string, DataKey>;
  private readonly erased = new Set<string>();
  /** The number of the last change that is known here. */
  private last: bigint | undefined;
  /** What is kept was not destroyed at that moment, or was forgotten. */
  private lookedMs = -Infinity;
  private looks = 0;
  private usedMs = 0;
  private looking: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: CachedDataKeysOptions) {
    [this.byOrganization, this.byId] = [this.emptied(), this.emptied()];
  }

  known(organizationId: string): DataKey | undefined {
    return this.usable(this.byOrganization.get(organizationId));
  }

  async keyFor(organizationId: string): Promise<DataKey | 'erased'> {
    const known = this.known(organizationId);
    if (known) return known;
    let looks = this.looks;
    const key = await this.kept(() => {
      looks = this.looks;
      return this.options.keys.keyFor(organizationId);
    });
    // What was read before a look may have been renewed before it, and would not be told again.
    if (key !== 'erased' && looks === this.looks) this.byOrganization.set(organizationId, key, 0);
    return key;
  }

  async keyOf(id: string): Promise<DataKey | 'erased' | undefined> {
    return this.usable(this.byId.get(id)) ?? this.kept(() => this.options.keys.keyOf(id));
  }

  async destroy(organizationId: string): Promise<boolean> {
    const isNew = await this.options.keys.destroy(organizationId);
    this.forget(organizationId);
    return isNew;
  }

  async renew(organizationId: string): Promise<DataKey | 'erased'> {
    const key = await this.options.keys.renew(organizationId);
    this.byOrganization.delete(organizationId);
    return key;
  }

  changed(after?: bigint): ReturnType<DataKeys['changed']> {
    return this.options.keys.changed(after);
  }

  /** Forgets all that is kept; it may be used again. */
  close(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.last = undefined;
    this.lookedMs = -Infinity;
    [this.byOrganization, this.byId] = [this.emptied(), this.emptied()];
    this.erased.clear();
  }

  private emptied(): RecentMap<string, DataKey> {
    return openRecentMap({ costMax: Infinity, entriesMax: this.organizationsMax });
  }

  private get organizationsMax(): number {
    return this.options.organizationsMax ?? 10_000;
  }

  private usable(key: DataKey | undefined): DataKey | undefined {
    if (!key || this.erased.has(key.organizationId)) return undefined;
    this.usedMs = performance.now();
    return this.isFresh ? key : undefined;
  }

  /** A key that is read after a look, and before the next, was not destroyed before that look. */
  private async kept<K extends DataKey | 'erased' | undefined>(
    read: () => Promise<K>,
  ): Promise<K | 'erased'> {
    this.usedMs = performance.now();
    if (!this.isFresh) await this.lookOnce();
    const { lookEveryMs = 500 } = this.options;
    this.timer ??= setInterval(() => this.lookAgain(), lookEveryMs).unref();
    const key = await read();
    if (typeof key !== 'object') return key;
    if (this.erased.has(key.organizationId)) return 'erased';
    this.byId.set(key.id, key, 0);
    return key;
  }

  private get isFresh(): boolean {
    return performance.now() - this.lookedMs < (this.options.staleAfterMs ?? 2_000);
  }

  private lookAgain(): void {
    const { idleMs = 60_000 } = this.options;
    if (performance.now() - this.usedMs > idleMs) return this.close();
    // The keys grow stale where it goes on like this, and who needs one is told then.
    this.lookOnce().catch(() => undefined);
  }

  private lookOnce(): Promise<void> {
    return (this.looking ??= this.look().finally(() => (this.looking = undefined)));
  }

  private async look(): Promise<void> {
    const askedMs = performance.now();
    const { last, destroyed, renewed } = await this.options.keys.changed(this.last);
    for (const id of destroyed) this.forget(id);
    for (const id of renewed) this.byOrganization.delete(id);
    this.looks += 1;
    this.last = last;
    this.lookedMs = askedMs;
  }

  private forget(organizationId: string): void {
    if (this.erased.size >= this.organizationsMax) this.close();
    else this.erased.add(organizationId);
  }
}
