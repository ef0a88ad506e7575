/**
 * Folded states of streams, in memory, each with its revision. Bounded by number and by bytes:
 * those that have not changed for longest are dropped. repository.ts says when one may be used.
 */
import type { StreamName } from '../contracts/streams.js';
import { openRecentMap } from '../infra/recent-map.js';

interface AtRevision {
  readonly state: unknown;
  readonly revision: number;
}

export interface StreamCache<T extends AtRevision = AtRevision> {
  get(stream: StreamName): T | undefined;
  /** Unless a newer state is there. */
  keep(stream: StreamName, folded: T): void;
  evict(stream: StreamName): void;
}

interface StreamCacheOptions {
  readonly entriesMax?: number;
  /** Roughly, of all states together. */
  readonly bytesMax?: number;
}

export function openStreamCache(options: StreamCacheOptions = {}): StreamCache {
  const { entriesMax = 20_000, bytesMax = 32 * 1024 * 1024 } = options;
  const states = openRecentMap<StreamName, AtRevision>({ costMax: bytesMax, entriesMax });
  return {
    get: (stream) => states.get(stream),
    keep(stream, folded) {
      const kept = states.get(stream);
      if (!kept) states.set(stream, folded, bytesOf(folded.state));
      else if (kept.revision < folded.revision) states.set(stream, folded, GROWTH_BYTES);
    },
    evict: (stream) => states.delete(stream),
  };
}

/** What an event adds to a state that was counted before. */
const GROWTH_BYTES = 256;
/** Of a field's key or an element's place, and of a number; more of an object of its own. */
const WORD_BYTES = 8;
const OBJECT_BYTES = 32;

/** Roughly what a state of plain data takes in memory. */
function bytesOf(value: unknown): number {
  if (typeof value === 'string') return WORD_BYTES + value.length;
  if (typeof value !== 'object' || value === null) return WORD_BYTES;
  let bytes = OBJECT_BYTES;
  for (const key in value) bytes += WORD_BYTES + bytesOf((value as Record<string, unknown>)[key]);
  return bytes;
}
