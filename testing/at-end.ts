/**
 * What must be undone when all specs of this process are over, in whichever file it was begun; the
 * root hook runs it, last begun first. Importing this costs a pure spec nothing.
 */
export function atEnd(task: () => Promise<void>): void {
  tasks.push(task);
}

export async function runEndings(): Promise<void> {
  for (let task = tasks.pop(); task; task = tasks.pop()) await task();
}

const tasks: (() => Promise<void>)[] = [];
