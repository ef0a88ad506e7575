/** Sets what is required of each execution of an organization. */
import type { Promises } from '../../contracts/catalogue/capabilities.js';
import { requirementsBody } from '../../contracts/http/requirements.js';
import { keepsAll } from '../../domain/routing/requirements.js';
import type { Refusal, Reply } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { beyond, type KeyAsker } from '../api-keys/key-asker.js';
import { refused } from '../refusals.js';

/** A key of which something is required takes no less of all. */
export async function setRequirements(
  { organizations, now }: Commands,
  { organizationId, metadata, key }: KeyAsker,
  required: Promises,
): Promise<Reply | Refusal> {
  if (key?.limits.require && !keepsAll(required, key.limits.require)) return beyond('require');
  const at = new Date(now()).toISOString();
  const isNone = Object.keys(required).length === 0;
  const command = { type: 'SetRequirements', ...(!isNone && { require: required }), at } as const;
  const result = await organizations.transact(organizationId, command, metadata);
  if (result.outcome === 'rejected') return refused(result.reason);
  return { status: 200, body: requirementsBody(required), logFields: { organizationId } };
}
