/** The organization itself and its API keys in the feed. No key, and no digest of one. */
import type { ApiKeyEvent, KeyLimits } from '../../contracts/events/api-key.js';
import type { OrganizationEvent, RequestRate } from '../../contracts/events/organization.js';
import { doneBy, type FeedData, type Telling } from './told-event.js';

export const organizationEvents: Telling<OrganizationEvent> = {
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
      ...rateData(event.data),
      ...doneBy(event),
    },
  }),
  OrganizationRequirementsSet: (event) => ({
    type: 'organization.requirements_set',
    subject: event.data.organizationId,
    data: { require: event.data.require ?? null, ...doneBy(event) },
  }),
  ApiKeyGranted: null,
  ApiKeyWithdrawn: null,
};

export const apiKeyEvents: Telling<ApiKeyEvent> = {
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
      ...doneBy(event),
    },
  }),
  ApiKeyChanged: (event) => ({
    type: 'api_key.changed',
    subject: event.data.keyId,
    data: {
      id: event.data.keyId,
      name: event.data.name,
      ...limitsData(event.data),
      ...doneBy(event),
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
      ...doneBy(event),
    },
  }),
  ApiKeyRequestRateSet: (event) => ({
    type: 'api_key.rate_limit_set',
    subject: event.data.keyId,
    data: { id: event.data.keyId, ...rateData(event.data), ...doneBy(event) },
  }),
  ApiKeyRevoked: (event) => ({
    type: 'api_key.revoked',
    subject: event.data.keyId,
    data: { id: event.data.keyId, revoked_at: event.data.at, ...doneBy(event) },
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
