/** A map with transactions: a rollback costs as much as there were changes. */
export class TransactionalMap<K, V> extends Map<K, V> {
  private readonly changes: Change<K, V>[] = [];
  private isRecording = false;

  /** `isOrdered`: a rollback restores the order, too, which costs as much as there are entries. */
  constructor(
    entries: Iterable<readonly [K, V]> = [],
    private readonly isOrdered = false,
  ) {
    super(entries);
  }

  /** Records changes from here on; earlier ones are committed. */
  begin(): void {
    this.changes.length = 0;
    this.isRecording = true;
  }

  commit(): void {
    this.changes.length = 0;
    this.isRecording = false;
  }

  /** Restores the map of the last `begin`; in an ordered one deleted keys come first again. */
  rollback(): void {
    this.isRecording = false;
    const restored: K[] = [];
    for (let change = this.changes.pop(); change; change = this.changes.pop()) {
      const { key, before, isDeletion } = change;
      if (isDeletion) restored.unshift(key);
      if (before === undefined) this.delete(key);
      else this.set(key, before);
    }
    if (this.isOrdered && restored.length > 0) this.putFirst(restored);
  }

  override set(key: K, value: V): this {
    if (this.isRecording) this.changes.push({ key, before: this.get(key), isDeletion: false });
    return super.set(key, value);
  }

  override delete(key: K): boolean {
    const before = this.get(key);
    if (this.isRecording && before !== undefined)
      this.changes.push({ key, before, isDeletion: true });
    return super.delete(key);
  }

  private putFirst(keys: readonly K[]): void {
    const entries = new Map<K, V>();
    for (const key of keys) if (this.has(key)) entries.set(key, this.get(key) as V);
    for (const [key, value] of this) entries.set(key, value);
    this.clear();
    for (const [key, value] of entries) this.set(key, value);
  }
}

interface Change<K, V> {
  readonly key: K;
  readonly before: V | undefined;
  readonly isDeletion: boolean;
}
