/** `keys create`. */
import { openAdminApi } from './admin-api.js';
import type { Context } from './context.js';
import { asJson } from './table.js';

export interface NewKeyOptions {
  readonly name: string;
  readonly permission: string;
  readonly expiresAt?: string;
  readonly ip?: readonly string[];
  readonly model?: readonly string[];
  readonly requireRegion?: string;
  readonly requireRetention?: string;
  readonly requireTraining?: string;
  readonly url?: string;
  readonly json?: true;
}

export async function createKey(
  context: Context,
  organizationId: string,
  options: NewKeyOptions,
): Promise<void> {
  const { name, permission, expiresAt, ip, model, url, json } = options;
  const { requireRegion: region, requireRetention: retention, requireTraining: training } = options;
  const require = { region, retention, training };
  const api = await openAdminApi(context, url);
  const path = `/organizations/${encodeURIComponent(organizationId)}/api-keys`;
  const body = {
    name,
    permission,
    expires_at: expiresAt,
    ip_allow_list: ip,
    allowed_models: model,
    ...(Object.values(require).some((one) => one !== undefined) && { require }),
  };
  const created = await api.post<{ id: string; key: string }>(path, body);
  context.print(json ? asJson(created) : `${created.id}\nkey, shown this once: ${created.key}`);
}
