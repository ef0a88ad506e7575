/** A map whose changes can be taken back, at a cost that follows from the changes, not its size. */
export class UndoableMap<K, V> extends Map<K, V> {
  private readonly changes: Change<K, V>[] = [];
  private isNoting = false;

  /** Notes changes from here on; what came before stands. */
  note(): void {
    this.changes.length = 0;
    this.isNoting = true;
  }

  /** As it was at the last `note`; what was deleted since stands first, where the oldest stand. */
  undo(): void {
    this.isNoting = false;
    const restored: K[] = [];
    for (let change = this.changes.pop(); change; change = this.changes.pop()) {
      const { key, before, isDeletion } = change;
      if (isDeletion) restored.unshift(key);
      if (before === undefined) this.delete(key);
      else this.set(key, before);
    }
    if (restored.length > 0) this.putFirst(restored);
  }

  override set(key: K, value: V): this {
    if (this.isNoting) this.changes.push({ key, before: this.get(key), isDeletion: false });
    return super.set(key, value);
  }

  override delete(key: K): boolean {
    const before = this.get(key);
    if (this.isNoting && before !== undefined) this.changes.push({ key, before, isDeletion: true });
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
