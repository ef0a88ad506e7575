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
    remove: async (ref) => {
      await Promise.all([small.remove(ref), large.remove(ref)]);
    },
  };
}
