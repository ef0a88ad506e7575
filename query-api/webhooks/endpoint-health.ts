/** How the deliveries of endpoints go, beside what was chosen for them. */
import { readFileSync } from 'node:fs';
import type { OrganizationId } from '../../contracts/ids.js';
import { endpointBody } from '../../command-handling/endpoint-body.js';
import type { Endpoint } from '../../domain/webhook-endpoint/webhook-settings.js';
import { count, maybe, text, time, type Row } from '../../infra/read-store/table.js';
import type { QueryInfra } from '../query-infra.js';

const SQL = readFileSync(new URL('./read-endpoint-health.sql', import.meta.url), 'utf8');

/** By endpoint; of one to which nothing was delivered there is none. */
type HealthById = ReadonlyMap<string, Row>;

export async function healthOf(
  { reads }: Pick<QueryInfra, 'reads'>,
  organizationId: OrganizationId,
  endpoints: readonly Endpoint[],
): Promise<HealthById> {
  if (endpoints.length === 0) return new Map();
  const ids = endpoints.map(({ endpointId }) => endpointId);
  const rows = await reads.rows(organizationId, { text: SQL, values: [ids, organizationId] });
  return new Map(rows.map((row) => [text(row, 'endpoint_id'), row]));
}

export function bodyWithHealth(
  { secrets, now }: Pick<QueryInfra, 'secrets' | 'now'>,
  endpoint: Endpoint,
  health: HealthById,
) {
  const row = health.get(endpoint.endpointId);
  const { lastSuccess } = row ? maybe(row, 'last_success_at', 'lastSuccess', time) : {};
  return {
    ...endpointBody(secrets, endpoint, now()),
    failure_count: row ? count(row, 'failure_count') : 0,
    last_success: lastSuccess ?? null,
  };
}
