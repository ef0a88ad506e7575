/** Small payloads beside the events, in the same group commit. */
import type { SmallPayloads } from '../event-store/postgres/small-payloads.js';
import type { StoredPayloads } from './port.js';

export function openPostgresPayloads(small: SmallPayloads): StoredPayloads {
  return {
    put: (payload) => small.put(payload),
    get: (ref) => small.get(ref.ref),
    remove: (ref) => small.remove(ref),
  };
}
