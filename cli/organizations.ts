/** `orgs create` and `orgs list`. */
import { openAdminApi } from './admin-api.js';
import type { Context } from './context.js';
import { asJson, table } from './table.js';

interface ApiOptions {
  readonly url?: string;
  readonly json?: true;
}

interface Created {
  readonly id: string;
  readonly name: string;
  readonly webhook_secret: string;
}

export async function createOrganization(
  context: Context,
  name: string,
  { url, json, idempotencyKey }: ApiOptions & { readonly idempotencyKey?: string },
): Promise<void> {
  const api = await openAdminApi(context, url);
  const headers = idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey };
  const created = await api.post<Created>('/organizations', { name }, headers);
  const { id, webhook_secret } = created;
  context.print(json ? asJson(created) : `${id}\nwebhook secret: ${webhook_secret}`);
}

interface Listed {
  readonly id: string;
  readonly name: string;
  readonly created_at: string;
  readonly available: string;
  readonly held: string;
  readonly api_keys: number;
}

interface Page {
  readonly data: readonly Listed[];
  readonly next_cursor: string | null;
}

export async function listOrganizations(
  context: Context,
  { url, json }: ApiOptions,
): Promise<void> {
  const api = await openAdminApi(context, url);
  const all: Listed[] = [];
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ limit: '1000', ...(cursor !== null && { cursor }) });
    const page: Page = await api.get<Page>(`/organizations?${query}`);
    all.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor !== null);
  const head = ['ID', 'NAME', 'AVAILABLE', 'HELD', 'KEYS', 'CREATED'];
  const rows = all.map(({ id, name, available, held, api_keys, created_at }) => [
    id,
    name,
    `$${available}`,
    `$${held}`,
    String(api_keys),
    created_at,
  ]);
  context.print(json ? asJson(all) : table(head, rows));
}
