/** Small payloads where the events are, larger ones where space is cheap; the size decides. */
import { SMALL_PAYLOAD_BYTES_MAX, type PayloadStore } from './port.js';

interface TieredPayloadsOptions {
  readonly small: PayloadStore;
  readonly large: PayloadStore;
}

export function openTieredPayloads({ small, large }: TieredPayloadsOptions): PayloadStore {
  const tierOf = (bytes: number) => (bytes <= SMALL_PAYLOAD_BYTES_MAX ? small : large);
  return {
    put: (payload) => tierOf(payload.bytes.length).put(payload),
    get: (ref) => tierOf(ref.bytes).get(ref),
    // A ref alone does not say its size.
    remove: async (ref, bytes) => {
      const tiers = bytes === undefined ? [small, large] : [tierOf(bytes)];
      await Promise.all(tiers.map((tier) => tier.remove(ref)));
    },
  };
}
