/** Payloads in memory; given the map of a memory log, also those that rode with its events. */
import { intact } from '../intact.js';
import type { PayloadStore } from '../port.js';

export function openMemoryPayloads(payloads: Map<string, Buffer> = new Map()): PayloadStore {
  return {
    put: async ({ ref, bytes }) => {
      if (!payloads.has(ref)) payloads.set(ref, Buffer.from(bytes));
    },
    get: async (ref) => {
      const bytes = payloads.get(ref.ref);
      return bytes && intact(ref, Buffer.from(bytes));
    },
    remove: async (ref) => {
      payloads.delete(ref);
    },
  };
}
