/** What a discrete simulation runs on: things that happen at their time, in order of it. */
export interface Happenings {
  nowMs(): number;
  /** Those of one time happen in the order in which they were asked for. */
  after(delayMs: number, happen: () => void): void;
  /** Until nothing is left to happen, or that time has come. */
  runUntil(endMs: number): void;
}

interface Due {
  readonly atMs: number;
  readonly order: number;
  readonly happen: () => void;
}

export function openHappenings(): Happenings {
  const heap: Due[] = [];
  let nowMs = 0;
  let asked = 0;
  return {
    nowMs: () => nowMs,
    after: (delayMs, happen) => push(heap, { atMs: nowMs + delayMs, order: asked++, happen }),
    runUntil: (endMs) => {
      for (let due = heap[0]; due && due.atMs <= endMs; due = heap[0]) {
        pop(heap);
        nowMs = due.atMs;
        due.happen();
      }
      nowMs = endMs;
    },
  };
}

const isBefore = (one: Due, other: Due): boolean =>
  one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);

/** A binary heap: no item is before the one at half its index. */
function push(heap: Due[], due: Due): void {
  let at = heap.length;
  while (at > 0) {
    const above = (at - 1) >> 1;
    const parent = heap[above] as Due;
    if (!isBefore(due, parent)) break;
    heap[at] = parent;
    at = above;
  }
  heap[at] = due;
}

function pop(heap: Due[]): void {
  const last = heap.pop();
  if (!last || heap.length === 0) return;
  let at = 0;
  for (;;) {
    let below = 2 * at + 1;
    const right = heap[below + 1];
    if (right && isBefore(right, heap[below] as Due)) below += 1;
    const child = heap[below];
    if (!child || !isBefore(child, last)) break;
    heap[at] = child;
    at = below;
  }
  heap[at] = last;
}
