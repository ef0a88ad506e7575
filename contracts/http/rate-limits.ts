/** The operator's bodies about limits of requests. */
import { REQUESTS_PER_MINUTE_MAX, REQUEST_BURST_MAX } from '../events/organization.js';
import type { RequestRate } from '../events/organization.js';
import type { OrganizationId } from '../ids.js';
import { answerObject, id, orNull, requestObject, type Schema } from './parts.js';

/** Null: as everybody's, or for a key as its organization's. What is absent stays as it is. */
export interface SetRateLimitBody {
  readonly requests_per_minute?: number | null;
  readonly burst?: number | null;
}

const fields = {
  requests_per_minute: {
    type: 'integer',
    minimum: 0,
    maximum: REQUESTS_PER_MINUTE_MAX,
    description: 'Requests in a minute; one more is a 429. 0: no limit.',
  },
  burst: {
    type: 'integer',
    minimum: 1,
    maximum: REQUEST_BURST_MAX,
    description: 'Requests at once; of those in a minute, if these are fewer.',
  },
};

export const setRateLimitSchema: Schema = {
  ...requestObject('SetRateLimit', {
    'requests_per_minute?': orNull(fields.requests_per_minute),
    'burst?': orNull(fields.burst),
  }),
  description:
    'Null: as everybody’s, or for a key as its organization’s. What is absent stays as it is.',
  examples: [{ requests_per_minute: 6_000, burst: 500 }],
};

export const rateLimitSchema: Schema = answerObject('RateLimit', {
  organization_id: id('org', 'The organization.'),
  ...fields,
});

export const keyRateLimitSchema: Schema = answerObject('KeyRateLimit', {
  organization_id: id('org', 'The organization.'),
  api_key_id: id('key', 'The API key.'),
  requests_per_minute: orNull(fields.requests_per_minute),
  burst: orNull(fields.burst),
});

export const rateChangesIn = (body: SetRateLimitBody) => ({
  ...(body.requests_per_minute !== undefined && { requestsPerMinute: body.requests_per_minute }),
  ...(body.burst !== undefined && { requestBurst: body.burst }),
});

/** What holds for an organization: what was set, and else what everybody has. */
export const rateLimitBody = (
  organizationId: OrganizationId,
  set: Partial<RequestRate>,
  usual: RequestRate,
) => ({
  organization_id: organizationId,
  requests_per_minute: set.requestsPerMinute ?? usual.requestsPerMinute,
  burst: set.requestBurst ?? usual.requestBurst,
});

/** What is the key's own. */
export const keyRateLimitBody = (
  organizationId: OrganizationId,
  keyId: string,
  set: Partial<RequestRate>,
) => ({
  organization_id: organizationId,
  api_key_id: keyId,
  requests_per_minute: set.requestsPerMinute ?? null,
  burst: set.requestBurst ?? null,
});
