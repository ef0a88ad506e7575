/** A tenant whose requests are counted by nobody. */
import { asOperator, newTenant, type Tenant } from '../../testing/client.js';
import type { System } from '../../testing/system.js';

export async function unlimitedTenant(system: System): Promise<Tenant> {
  const tenant = await newTenant(system);
  const path = `/organizations/${tenant.organizationId}/rate-limit`;
  const { status, text } = await asOperator(system, 'PATCH', path, { requests_per_minute: 0 });
  if (status !== 200) throw new Error(`${path} was answered ${status}: ${text}`);
  return tenant;
}
