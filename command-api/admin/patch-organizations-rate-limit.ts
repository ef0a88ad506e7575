/** The operator sets how often an organization may ask. */
import {
  rateChangesIn,
  rateLimitBody,
  rateLimitSchema,
  setRateLimitSchema,
  type SetRateLimitBody,
} from '../../contracts/http/rate-limits.js';
import type { ApiRequest, Refusal, Reply, Route } from '../../http/server/route.js';
import { operatorMetadata } from '../command-metadata.js';
import type { Commands } from '../command-infra.js';
import { organizationIn } from '../organization-in.js';
import { refused } from '../refusals.js';

export const patchOrganizationsRateLimit = (commands: Commands): Route => ({
  method: 'PATCH',
  path: '/organizations/{id}/rate-limit',
  operationId: 'adminSetOrganizationRateLimit',
  summary: 'Set the rate limit of an organization',
  description:
    'For all its keys together; a key without a limit of its own has no other. At once where it ' +
    'is answered; in other processes within three seconds.',
  tag: 'Organizations',
  audience: 'operator',
  bodySchema: setRateLimitSchema,
  replySchemas: { 200: rateLimitSchema },
  refusals: ['NOT_FOUND'],
  handle: (request) => handle(commands, request),
});

async function handle(
  { config, organizations, quotas, now }: Commands,
  request: ApiRequest,
): Promise<Reply | Refusal> {
  const organizationId = organizationIn(request);
  const changes = rateChangesIn(request.body as SetRateLimitBody);
  const at = new Date(now()).toISOString();
  const command = { type: 'SetQuotas', changes, at } as const;
  const metadata = operatorMetadata(request, organizationId);
  const result = await organizations.transact(organizationId, command, metadata);
  if (result.outcome === 'rejected') return refused(result.reason);
  const set = result.state.status === 'created' ? result.state.quotas : {};
  quotas.learn(organizationId, set);
  return {
    status: 200,
    body: rateLimitBody(organizationId, set, config.requestRate),
    logFields: { organizationId },
  };
}
