/** Tenants and their keys, as operators see them. */
import type { Promises } from '../../../contracts/catalogue/capabilities.js';
import type { Timestamp } from '../../../contracts/events/envelope.js';
import type { KeyLimits, Permission } from '../../../contracts/events/api-key.js';
import type { ApiKeyId, OrganizationId } from '../../../contracts/ids.js';
import {
  amount,
  column,
  jsonOf,
  maybe,
  parsed,
  text,
  time,
  type Row,
  type Table,
} from '../table.js';

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

export interface ApiKeyRow {
  readonly id: ApiKeyId;
  readonly organizationId: OrganizationId;
  readonly name: string;
  readonly permission: Permission;
  readonly hint: string;
  readonly createdAt: Timestamp;
  readonly limits: KeyLimits;
  readonly rotatedAt?: Timestamp;
  readonly previousValidUntil?: Timestamp;
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
    column('expires_at', 'timestamptz', ({ limits }) => limits.expiresAt),
    column('ip_allow_list', 'json', ({ limits }) => jsonOf(limits.ipAllowList)),
    column('allowed_models', 'json', ({ limits }) => jsonOf(limits.allowedModels)),
    column('require', 'json', ({ limits }) => jsonOf(limits.require)),
    column('rotated_at', 'timestamptz', ({ rotatedAt }) => rotatedAt),
    column('previous_valid_until', 'timestamptz', ({ previousValidUntil }) => previousValidUntil),
    column('revoked_at', 'timestamptz', ({ revokedAt }) => revokedAt),
    column('position', 'bigint', ({ position }) => position),
  ],
  idOf: ({ id }) => id,
  read: readApiKey,
  isFinal: ({ revokedAt }) => revokedAt !== undefined,
};

export function readApiKey(row: Row): ApiKeyRow {
  return {
    id: text(row, 'id'),
    organizationId: text(row, 'organization_id'),
    name: text(row, 'name'),
    permission: text(row, 'permission'),
    hint: text(row, 'hint'),
    createdAt: time(row, 'created_at'),
    limits: {
      ...maybe(row, 'expires_at', 'expiresAt', time),
      ...maybe(row, 'ip_allow_list', 'ipAllowList', parsed<readonly string[]>),
      ...maybe(row, 'allowed_models', 'allowedModels', parsed<readonly string[]>),
      ...maybe(row, 'require', 'require', parsed<Promises>),
    },
    ...maybe(row, 'rotated_at', 'rotatedAt', time),
    ...maybe(row, 'previous_valid_until', 'previousValidUntil', time),
    ...maybe(row, 'revoked_at', 'revokedAt', time),
    position: amount(row, 'position'),
  };
}
