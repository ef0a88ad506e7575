/** Data keys in memory. */
import { createSecretKey, randomBytes, randomUUID } from 'node:crypto';
import type { CachedDataKeys, DataKey } from '../port.js';

export function openMemoryDataKeys(): CachedDataKeys {
  const keys = new Map<string, DataKey>();
  const ids = new Map<string, DataKey>();
  const destroyed: string[] = [];
  return {
    known: (organizationId) =>
      destroyed.includes(organizationId) ? undefined : keys.get(organizationId),
    close: () => undefined,
    async keyFor(organizationId) {
      if (destroyed.includes(organizationId)) return 'erased';
      const found = keys.get(organizationId);
      if (found) return found;
      const secret = createSecretKey(randomBytes(32));
      const key = { id: randomUUID(), organizationId, version: 1, secret };
      keys.set(organizationId, key);
      ids.set(key.id, key);
      return key;
    },
    async keyOf(id) {
      const key = ids.get(id);
      return key && destroyed.includes(key.organizationId) ? 'erased' : key;
    },
    async destroy(organizationId) {
      if (destroyed.includes(organizationId)) return false;
      destroyed.push(organizationId);
      return true;
    },
    destroyed: async (after) => ({
      last: BigInt(destroyed.length),
      organizationIds: after === undefined ? [] : destroyed.slice(Number(after)),
    }),
  };
}
