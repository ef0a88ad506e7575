/** Shares of slots within one process. */
import { slotsLeftFor, type SlotShare } from '../../../domain/rate-limit/slots.js';
import { TURN_MS, type SlotShares } from '../port.js';

interface Part extends SlotShare {
  readonly endsMs: number;
}

/** `clock` answers milliseconds and must never jump. */
export function openMemorySlotShares(clock: () => number = () => performance.now()): SlotShares {
  const providers = new Map<string, Map<string, Part>>();
  return {
    async renew(holder, wishes, ttlMs) {
      const kept = new Map<string, number>();
      const wished = new Set(wishes.map(({ provider }) => provider));
      for (const [provider, parts] of providers) if (!wished.has(provider)) parts.delete(holder);
      for (const { provider, limit, demand, keep } of wishes) {
        const parts = providers.get(provider) ?? new Map<string, Part>();
        providers.set(provider, parts);
        const others = [...parts.values()].filter(
          ({ name, endsMs }) => name !== holder && endsMs > clock(),
        );
        const own = { name: holder, demand };
        const slots = keep(slotsLeftFor(limit, own, others, Math.floor(clock() / TURN_MS)));
        parts.set(holder, { ...own, slots, endsMs: clock() + ttlMs });
        kept.set(provider, slots);
      }
      return kept;
    },
    async giveBack(holder) {
      for (const parts of providers.values()) parts.delete(holder);
    },
  };
}
