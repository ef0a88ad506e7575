/** The organization itself and its API keys in the feed. No key, and no digest of one. */
import type { ApiKeyEvent, KeyLimits } from '../../contracts/events/api-key.js';
import type { OrganizationEvent, RequestRate } from '../../contracts/events/organization.js';
import { actorData, type FeedData, type FeedMapping } from './feed-content.js';

export const organizationEvents: FeedMapping<OrganizationEvent> = {
  OrganizationCreated: ({ data }) => ({
    type: 'organization.created',
    subject: data.organizationId,
    data: { id: data.organizationId, name: data.name, created_at: data.at },
  }),
  OrganizationQuotasSet: (event) => ({
    type: 'organization.quotas_set',
    subject: event.data.organizationId,
    data: {
      waiting_executions: event.data.waitingExecutions ?? null,
      storage_bytes: event.data.storageBytes ?? null,
      file_ttl_days: event.data.fileTtlDays ?? null,
      payload_ttl_days: event.data.payloadTtlDays,
      ...rateData(event.data),
      ...actorData(event),
    },
  }),
  OrganizationRequirementsSet: (event) => ({
    type: 'organization.requirements_set',
    subject: event.data.organizationId,
    data: { require: event.data.require ?? null, ...actorData(event) },
  }),
  OrganizationErased: (event) => ({
    type: 'organization.erased',
    subject: event.data.organizationId,
    data: { id: event.data.organizationId, erased_at: event.data.at, ...actorData(event) },
  }),
  ApiKeyGranted: null,
  ApiKeyWithdrawn: null,
};

export const apiKeyEvents: FeedMapping<ApiKeyEvent> = {
  ApiKeyCreated: (event) => ({
    type: 'api_key.created',
    subject: event.data.keyId,
    data: {
      id: event.data.keyId,
      name: event.data.name,
      permission: event.data.permission,
      created_at: event.data.at,
      ...limitsData(event.data),
      hint: event.data.hint,
      ...actorData(event),
    },
  }),
  ApiKeyChanged: (event) => ({
    type: 'api_key.changed',
    subject: event.data.keyId,
    data: {
      id: event.data.keyId,
      name: event.data.name,
      ...limitsData(event.data),
      ...actorData(event),
    },
  }),
  ApiKeyRotated: (event) => ({
    type: 'api_key.rotated',
    subject: event.data.keyId,
    data: {
      id: event.data.keyId,
      hint: event.data.hint,
      rotated_at: event.data.at,
      previous_key_valid_until: event.data.previousValidUntil,
      ...actorData(event),
    },
  }),
  ApiKeyRequestRateSet: (event) => ({
    type: 'api_key.rate_limit_set',
    subject: event.data.keyId,
    data: { id: event.data.keyId, ...rateData(event.data), ...actorData(event) },
  }),
  ApiKeyRevoked: (event) => ({
    type: 'api_key.revoked',
    subject: event.data.keyId,
    data: { id: event.data.keyId, revoked_at: event.data.at, ...actorData(event) },
  }),
  ApiKeySecretAdded: null,
};

const limitsData = ({ expiresAt, ipAllowList, allowedModels, require }: KeyLimits): FeedData => ({
  expires_at: expiresAt ?? null,
  ip_allow_list: ipAllowList ?? null,
  allowed_models: allowedModels ?? null,
  require: require ?? null,
});

const rateData = ({ requestsPerMinute, requestBurst }: Partial<RequestRate>): FeedData => ({
  requests_per_minute: requestsPerMinute ?? null,
  request_burst: requestBurst ?? null,
});
