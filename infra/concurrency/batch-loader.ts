/**
 * Gathers single reads into one query: the keys that are asked for in one turn of the event loop,
 * or while the queries in flight are at their maximum. A value is never read before it was asked
 * for.
 */
interface BatchLoaderOptions<Key, Value> {
  /** Keys of the same name share one read. */
  readonly nameOf: (key: Key) => string;
  /** One value per key, in order. */
  readonly load: (keys: readonly Key[]) => Promise<readonly Value[]>;
  readonly keysMax: number;
  readonly inFlightMax: number;
  /**
   * Where a failure of a query means this, those that wait fail with it: else each would find it
   * out in its own time, and the last would wait for all of them.
   */
  readonly isOutage?: (error: unknown) => boolean;
}

interface Read<Key, Value> {
  readonly key: Key;
  readonly value: Promise<Value>;
  readonly resolve: (value: Value) => void;
  readonly reject: (error: unknown) => void;
}

export function createBatchLoader<Key, Value>(
  options: BatchLoaderOptions<Key, Value>,
): (key: Key) => Promise<Value> {
  const { nameOf, load, keysMax, inFlightMax, isOutage = () => false } = options;
  const waiting = new Map<string, Read<Key, Value>>();
  let inFlight = 0;
  let scheduled = false;

  function schedule(): void {
    if (scheduled || waiting.size === 0 || inFlight >= inFlightMax) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      void flush();
      schedule();
    });
  }

  async function flush(): Promise<void> {
    const batch: Read<Key, Value>[] = [];
    for (const [name, read] of waiting) {
      if (batch.length === keysMax) break;
      batch.push(read);
      waiting.delete(name);
    }
    inFlight++;
    try {
      const values = await load(batch.map(({ key }) => key));
      batch.forEach(({ resolve }, index) => resolve(values[index] as Value));
    } catch (error) {
      if (isOutage(error)) {
        batch.push(...waiting.values());
        waiting.clear();
      }
      for (const { reject } of batch) reject(error);
    }
    inFlight--;
    schedule();
  }

  return (key) => {
    const name = nameOf(key);
    let read = waiting.get(name);
    if (!read) waiting.set(name, (read = readOf<Key, Value>(key)));
    schedule();
    return read.value;
  };
}

function readOf<Key, Value>(key: Key): Read<Key, Value> {
  let resolve!: Read<Key, Value>['resolve'];
  let reject!: Read<Key, Value>['reject'];
  const value = new Promise<Value>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { key, value, resolve, reject };
}
