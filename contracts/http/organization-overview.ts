/** One organization as an operator reads it: what is set for it, and what stands on it. */
import { balanceSchema } from './billing.js';
import { quotasInUseSchema } from './organizations.js';
import { answerObject, id, orNull, text, timestamp, withExample, type Schema } from './parts.js';
import { rateLimitSchema } from './rate-limits.js';
import { requirementsInForceSchema } from './requirements.js';
import { balanceAlertSchema, spendingGuardsSchema } from './spending-guards.js';

export const organizationOverviewSchema: Schema = answerObject('OrganizationOverview', {
  id: id('org', 'The organization.'),
  name: withExample(text('For people.'), 'Acme'),
  created_at: timestamp('When it was created.'),
  erased_at: orNull(timestamp('When what is stored for it was erased.')),
  last_used_at: orNull(
    timestamp('When one of its keys that are not revoked was last used, to the minute.'),
  ),
  api_keys: { type: 'integer', minimum: 0, description: 'Keys that are not revoked.' },
  balance: balanceSchema,
  balance_alert: balanceAlertSchema,
  quotas: quotasInUseSchema,
  rate_limit: rateLimitSchema,
  spending_guards: spendingGuardsSchema,
  requirements: requirementsInForceSchema,
});
