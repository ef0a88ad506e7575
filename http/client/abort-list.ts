/**
 * What is to be ended by one signal. A signal may cover thousands of calls; it is listened to once,
 * not once for each. The list is linked in a circle, because a `Set` of closures costs the garbage
 * collector a third of a whole call.
 */

export interface AbortEntry {
  before: AbortEntry;
  after: AbortEntry;
  readonly onAbort: () => void;
}

const lists = new WeakMap<AbortSignal, AbortEntry>();

/** `onAbort` is called once, when the signal aborts, unless the entry is removed before. */
export function addAbortEntry(signal: AbortSignal, onAbort: () => void): AbortEntry {
  const list = lists.get(signal) ?? newList(signal);
  const entry: AbortEntry = { before: list, after: list.after, onAbort };
  list.after.before = entry;
  list.after = entry;
  return entry;
}

/** Whoever is called must remove its entry too. */
export function removeAbortEntry(entry: AbortEntry): void {
  entry.before.after = entry.after;
  entry.after.before = entry.before;
}

function newList(signal: AbortSignal): AbortEntry {
  const list = { onAbort: () => undefined } as unknown as AbortEntry;
  list.before = list.after = list;
  lists.set(signal, list);
  const abortAll = () => {
    while (list.after !== list) list.after.onAbort();
  };
  signal.addEventListener('abort', abortAll, { once: true });
  return list;
}
