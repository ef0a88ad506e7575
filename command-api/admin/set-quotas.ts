/** The operator changes what an organization may have: its quotas, or how often it may ask. */
import type { OrganizationId } from '../../contracts/ids.js';
import type { Allowances, QuotaChanges } from '../../domain/organization/organization.js';
import type { ApiRequest, Refusal, Reply } from '../../http/server/route.js';
import { operatorMetadata } from '../command-metadata.js';
import type { Commands } from '../command-infra.js';
import { organizationIn } from '../organization-in.js';
import { refused } from '../refusals.js';

/** This process knows them at once. Throws a `Refusal` too. */
export async function setQuotas(
  { organizations, quotas, now }: Commands,
  request: ApiRequest,
  changes: QuotaChanges,
  bodyOf: (organizationId: OrganizationId, set: Partial<Allowances>) => object,
): Promise<Reply | Refusal> {
  const organizationId = organizationIn(request);
  const at = new Date(now()).toISOString();
  const command = { type: 'SetQuotas', changes, at } as const;
  const metadata = operatorMetadata(request, organizationId);
  const result = await organizations.transact(organizationId, command, metadata);
  if (result.outcome === 'rejected') return refused(result.reason);
  const set = result.state.status === 'created' ? result.state.quotas : {};
  quotas.learn(organizationId, set);
  return { status: 200, body: bodyOf(organizationId, set), logFields: { organizationId } };
}
