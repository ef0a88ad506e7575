/** Shares of limits within one process. */
import { shareFor } from '../../../domain/rate-limit/shares.js';
import type { LimitShares } from '../port.js';

interface Part {
  readonly share: number;
  readonly demand: number;
  readonly endsMs: number;
}

/** `clock` answers milliseconds and must never jump. */
export function openMemoryLimitShares(clock: () => number = () => performance.now()): LimitShares {
  const limits = new Map<string, Map<string, Part>>();
  return {
    async renew(holder, wishes, ttlMs) {
      const shares = new Map<string, number>();
      for (const { limit, perMinute, demand } of wishes) {
        const parts = limits.get(limit) ?? new Map<string, Part>();
        limits.set(limit, parts);
        const others = [...parts].filter(
          ([name, { endsMs }]) => name !== holder && endsMs > clock(),
        );
        const share = shareFor(
          perMinute,
          demand,
          others.map(([, part]) => part),
        );
        parts.set(holder, { share, demand, endsMs: clock() + ttlMs });
        shares.set(limit, share);
      }
      return shares;
    },
    async giveBack(holder) {
      for (const parts of limits.values()) parts.delete(holder);
    },
  };
}
