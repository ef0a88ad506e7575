/** The operator sets how often an organization may ask. */
import {
  rateChangesIn,
  rateLimitBody,
  rateLimitSchema,
  setRateLimitSchema,
  type SetRateLimitBody,
} from '../../contracts/http/rate-limits.js';
import type { Route } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { setQuotas } from './set-quotas.js';

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
  handle: (request) =>
    setQuotas(commands, request, rateChangesIn(request.body as SetRateLimitBody), (id, set) =>
      rateLimitBody(id, set, commands.config.requestRate),
    ),
});
