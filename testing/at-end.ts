/**
 * What must be undone when all specs of this process are over, in whichever file it was begun; the
 * runner does it, last begun first. Importing this costs a pure spec nothing. Answers with what
 * takes it back, for who has done it before.
 */
export function atEnd(task: () => Promise<void>): () => void {
  tasks.add(task);
  return () => void tasks.delete(task);
}

export async function runEndings(): Promise<void> {
  for (let task = [...tasks].pop(); task; task = [...tasks].pop()) {
    tasks.delete(task);
    await task();
  }
}

/** Of the process and not of the module: specs are loaded by `require`, the runner by `import`. */
const KEY = Symbol.for('modelroute.testing.at-end');
const shared = globalThis as { [KEY]?: Set<() => Promise<void>> };
const tasks = (shared[KEY] ??= new Set());
