/**
 * What was paid for under which idempotency key. Only the fingerprint of the request and the time
 * of the original are kept: the answer is a function of them, so a replay computes it again.
 * Least recently used keys are forgotten first; a forgotten key is new, and is paid again.
 */

interface Original {
  readonly fingerprint: string;
  readonly createdSeconds: number;
}

export interface IdempotencyMemory {
  find(personality: string, key: string): Original | undefined;
  remember(personality: string, key: string, original: Original): void;
}

export function openIdempotencyMemory(keysMax: number): IdempotencyMemory {
  const originals = new Map<string, Original>();
  return {
    find(personality, key) {
      const scoped = `${personality} ${key}`;
      const original = originals.get(scoped);
      if (original) {
        originals.delete(scoped);
        originals.set(scoped, original);
      }
      return original;
    },
    remember(personality, key, original) {
      originals.set(`${personality} ${key}`, original);
      if (originals.size <= keysMax) return;
      for (const oldest of originals.keys()) {
        originals.delete(oldest);
        return;
      }
    },
  };
}

/** 128 bits of the body's digest, and the path: bytes sent elsewhere are another request. */
export function fingerprintOf(path: string, bodySha256: string): string {
  return `${bodySha256.slice(0, 32)} ${path}`;
}
