/** Tenants and their keys, as operators see them: neither a key nor its hash is kept. */
import type { ApiKeyEvent } from '../../contracts/events/api-key.js';
import type { OrganizationEvent } from '../../contracts/events/organization.js';
import { apiKeys, organizations as table } from '../../infra/read-store/tables/organizations.js';
import { projection } from '../engine/projection.js';

export const organizations = projection<OrganizationEvent | ApiKeyEvent>(
  'organizations',
  {
    version: 2,
    tables: [table, apiKeys],
    plan: ({ type, data }, plan) => {
      if (type === 'ApiKeyCreated') plan.creates(apiKeys, { id: data.keyId });
      if (type === 'ApiKeyChanged' || type === 'ApiKeyRotated' || type === 'ApiKeyRevoked')
        plan.reads(apiKeys, { id: data.keyId });
    },
  },
  {
    OrganizationCreated: ({ data, position }, batch) => {
      const { organizationId: id, name, at: createdAt } = data;
      batch.of(table).create({ id, name, createdAt, position });
    },
    ApiKeyCreated: ({ data, position }, batch) => {
      const { keyId: id, hash: _, at: createdAt, ...about } = data;
      const { organizationId, name, permission, hint, ...limits } = about;
      const key = { id, organizationId, name, permission, hint, limits, createdAt, position };
      batch.of(apiKeys).create(key);
    },
    ApiKeyChanged: ({ data, position }, batch) => {
      const { keyId: id, organizationId: _, at: __, name, ...limits } = data;
      const key = batch.of(apiKeys).get({ id });
      if (key) batch.of(apiKeys).put({ ...key, name, limits, position });
    },
    ApiKeyRotated: ({ data, position }, batch) => {
      const { keyId: id, hint, previousValidUntil, at: rotatedAt } = data;
      const key = batch.of(apiKeys).get({ id });
      if (key) batch.of(apiKeys).put({ ...key, hint, previousValidUntil, rotatedAt, position });
    },
    ApiKeyRevoked: ({ data, position }, batch) => {
      const key = batch.of(apiKeys).get({ id: data.keyId });
      if (key) batch.of(apiKeys).put({ ...key, revokedAt: data.at, position });
    },
  },
);
