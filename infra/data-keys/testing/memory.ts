/** Data keys in memory. */
import { createSecretKey, randomBytes, randomUUID } from 'node:crypto';
import type { CachedDataKeys, DataKey } from '../port.js';

export function openMemoryDataKeys(): CachedDataKeys {
  const keys = new Map<string, DataKey>();
  const ids = new Map<string, DataKey>();
  const destroyed: string[] = [];
  const changes: { readonly of: string; readonly isRenewal: boolean }[] = [];
  const added = (organizationId: string): DataKey => {
    const version = (keys.get(organizationId)?.version ?? 0) + 1;
    const secret = createSecretKey(randomBytes(32));
    const key = { id: randomUUID(), organizationId, version, secret };
    keys.set(organizationId, key);
    ids.set(key.id, key);
    return key;
  };
  return {
    known: (organizationId) =>
      destroyed.includes(organizationId) ? undefined : keys.get(organizationId),
    close: () => undefined,
    async keyFor(organizationId) {
      if (destroyed.includes(organizationId)) return 'erased';
      return keys.get(organizationId) ?? added(organizationId);
    },
    async keyOf(id) {
      const key = ids.get(id);
      return key && destroyed.includes(key.organizationId) ? 'erased' : key;
    },
    async renew(organizationId) {
      if (destroyed.includes(organizationId)) return 'erased';
      if (!keys.has(organizationId)) added(organizationId);
      changes.push({ of: organizationId, isRenewal: true });
      return added(organizationId);
    },
    async destroy(organizationId) {
      if (destroyed.includes(organizationId)) return false;
      destroyed.push(organizationId);
      changes.push({ of: organizationId, isRenewal: false });
      return true;
    },
    async changed(after) {
      const since = after === undefined ? [] : changes.slice(Number(after));
      const those = (renewed: boolean) =>
        since.filter(({ isRenewal }) => isRenewal === renewed).map(({ of }) => of);
      return { last: BigInt(changes.length), destroyed: those(false), renewed: those(true) };
    },
  };
}
