/** Tenants and their keys, as operators see them. */
import type { Timestamp } from '../../../contracts/events/envelope.js';
import type { Permission } from '../../../contracts/events/api-key.js';
import type { ApiKeyId, OrganizationId } from '../../../contracts/ids.js';
import { amount, column, maybe, text, time, type Row, type Table } from '../table.js';

interface OrganizationRow {
  readonly id: OrganizationId;
  readonly name: string;
  readonly createdAt: Timestamp;
  readonly position: bigint;
}

export const organizations: Table<Pick<OrganizationRow, 'id'>, OrganizationRow> = {
  name: 'organizations',
  key: [column('id', 'text', ({ id }) => id)],
  rest: [
    column('name', 'text', ({ name }) => name),
    column('created_at', 'timestamptz', ({ createdAt }) => createdAt),
    column('position', 'bigint', ({ position }) => position),
  ],
  idOf: ({ id }) => id,
};

interface ApiKeyRow {
  readonly id: ApiKeyId;
  readonly organizationId: OrganizationId;
  readonly name: string;
  readonly permission: Permission;
  readonly hint: string;
  readonly createdAt: Timestamp;
  readonly expiresAt?: Timestamp;
  readonly revokedAt?: Timestamp;
  readonly position: bigint;
}

export const apiKeys: Table<Pick<ApiKeyRow, 'id'>, ApiKeyRow> = {
  name: 'api_keys',
  key: [column('id', 'text', ({ id }) => id)],
  rest: [
    column('organization_id', 'text', ({ organizationId }) => organizationId),
    column('name', 'text', ({ name }) => name),
    column('permission', 'text', ({ permission }) => permission),
    column('hint', 'text', ({ hint }) => hint),
    column('created_at', 'timestamptz', ({ createdAt }) => createdAt),
    column('expires_at', 'timestamptz', ({ expiresAt }) => expiresAt),
    column('revoked_at', 'timestamptz', ({ revokedAt }) => revokedAt),
    column('position', 'bigint', ({ position }) => position),
  ],
  idOf: ({ id }) => id,
  read: readApiKey,
  isFinal: ({ revokedAt }) => revokedAt !== undefined,
};

function readApiKey(row: Row): ApiKeyRow {
  return {
    id: text(row, 'id'),
    organizationId: text(row, 'organization_id'),
    name: text(row, 'name'),
    permission: text(row, 'permission'),
    hint: text(row, 'hint'),
    createdAt: time(row, 'created_at'),
    ...maybe(row, 'expires_at', 'expiresAt', time),
    ...maybe(row, 'revoked_at', 'revokedAt', time),
    position: amount(row, 'position'),
  };
}
