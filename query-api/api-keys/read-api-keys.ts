/** API keys that are not revoked, without the keys themselves, as their owners read them. */
import { readFileSync } from 'node:fs';
import type { OrganizationId } from '../../contracts/ids.js';
import { keyBody } from '../../domain/api-key/key-body.js';
import type { ApiRequest } from '../../http/server/route.js';
import { maybe, time, type Row } from '../../infra/read-store/table.js';
import { readApiKey } from '../../infra/read-store/tables/organizations.js';
import { caughtUp } from '../caught-up.js';
import { listBody, type ListName } from '../cursor.js';
import type { ListInfra, QueryInfra } from '../query-infra.js';

export type KeysInfra = ListInfra & Pick<QueryInfra, 'now'>;

const SQL = readFileSync(new URL('./read-api-keys.sql', import.meta.url), 'utf8');

/** Undefined for an organization that does not exist. */
export async function listKeys(
  infra: KeysInfra,
  request: ApiRequest,
  reader: string,
  organizationId: OrganizationId,
) {
  const list: ListName = ['api-keys', reader, organizationId];
  const { limit, after } = infra.cursors.pageOf(request, list, ['text', 'text']);
  await caughtUp(infra, 'organizations');
  const values = [organizationId, ...(after ?? ['-infinity', '']), limit + 1];
  const rows = await infra.reads.rows(reader, { text: SQL, values });
  if (rows.length === 0) return undefined;
  const cursorAt = (row: Row) => {
    const { createdAt, id } = readApiKey(row);
    return infra.cursors.cursorOf(list, [createdAt, id]);
  };
  const keys = rows.filter(({ id }) => id !== null);
  return listBody(keys, limit, bodyAt(infra.now()), cursorAt);
}

function bodyAt(nowMs: number) {
  const now = new Date(nowMs).toISOString();
  return (row: Row) => {
    const { id: keyId, hint, limits, rotatedAt, previousValidUntil, ...about } = readApiKey(row);
    const { usedAt } = maybe(row, 'used_at', 'usedAt', time);
    const isExpired = limits.expiresAt !== undefined && limits.expiresAt <= now;
    return {
      ...keyBody({ keyId, limits, ...about }),
      hint,
      status: isExpired ? 'expired' : 'active',
      last_used_at: usedAt ?? null,
      rotated_at: rotatedAt ?? null,
      previous_key_valid_until: previousValidUntil ?? null,
    };
  };
}
