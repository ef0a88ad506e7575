/** Small payloads beside the events, in the same group commit. */
import type { SmallPayloads } from '../event-store/postgres/small-payloads.js';
import { intact } from './intact.js';
import type { PayloadStore } from './port.js';

export function openPostgresPayloads(small: SmallPayloads): PayloadStore {
  return {
    put: (payload) => small.put(payload),
    async get(ref) {
      const bytes = await small.get(ref.ref);
      return bytes && intact(ref, bytes);
    },
    remove: (ref) => small.remove(ref),
  };
}
