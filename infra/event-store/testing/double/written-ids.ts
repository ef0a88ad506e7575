/**
 * Where ids were lately written. The real server remembers what fits in 8 MiB, the oldest forgotten
 * first.
 */
import type { StreamState } from './event-index.js';

const REMEMBERED_IDS_MAX = 80_000;

export function rememberIds() {
  const ids = new Map<string, { readonly stream: StreamState; readonly revision: number }>();
  // The order is kept apart: finding the oldest of a map that loses its oldest is slow.
  const inOrder: string[] = [];
  let oldest = 0;
  return {
    lately: (id: string) => ids.get(id),
    remember: (id: string, stream: StreamState, revision: number) => {
      ids.set(id, { stream, revision });
      const forgotten = inOrder[oldest];
      inOrder[oldest] = id;
      oldest = (oldest + 1) % REMEMBERED_IDS_MAX;
      if (forgotten !== undefined && forgotten !== id) ids.delete(forgotten);
    },
  };
}
