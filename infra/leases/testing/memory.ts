/** Leases within one process. */
import type { Lease, Leases } from '../port.js';

interface Grant {
  readonly holder: string;
  readonly token: bigint;
  expiresAt: number;
}

/** `clock` answers milliseconds and must never jump. */
export function openMemoryLeases(clock: () => number = () => performance.now()): Leases {
  const grants = new Map<string, Grant>();
  return {
    acquire: async (name, holder, ttlMs) => {
      const last = grants.get(name);
      if (last && last.holder !== holder && last.expiresAt > clock()) return undefined;
      const grant = { holder, token: (last?.token ?? 0n) + 1n, expiresAt: clock() + ttlMs };
      grants.set(name, grant);
      return leaseOf(name, grant, ttlMs);
    },
  };

  function leaseOf(name: string, grant: Grant, ttlMs: number): Lease {
    const isHeld = () => grants.get(name) === grant && grant.expiresAt !== RELEASED;
    return {
      name,
      fencingToken: grant.token,
      renew: async () => {
        if (!isHeld()) return false;
        grant.expiresAt = clock() + ttlMs;
        return true;
      },
      release: async () => {
        grant.expiresAt = RELEASED;
      },
    };
  }
}

const RELEASED = -Infinity;
