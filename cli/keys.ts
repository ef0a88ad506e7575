/** `keys create`. */
import { openAdminApi } from './admin-api.js';
import type { Context } from './context.js';
import { asJson } from './table.js';

export async function createKey(
  context: Context,
  organizationId: string,
  options: {
    readonly name: string;
    readonly permission: string;
    readonly expiresAt?: string;
    readonly url?: string;
    readonly json?: true;
  },
): Promise<void> {
  const { name, permission, expiresAt, url, json } = options;
  const api = await openAdminApi(context, url);
  const path = `/organizations/${encodeURIComponent(organizationId)}/api-keys`;
  const body = { name, permission, ...(expiresAt !== undefined && { expires_at: expiresAt }) };
  const created = await api.post<{ id: string; key: string }>(path, body);
  context.print(json ? asJson(created) : `${created.id}\nkey, shown this once: ${created.key}`);
}
