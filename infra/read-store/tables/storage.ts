/** What is stored for organizations, and which large payloads events name. */
import type { OrganizationId } from '../../../contracts/ids.js';
import { amount, column, text, type Table } from '../table.js';

interface StoredBytesRow {
  readonly organizationId: OrganizationId;
  readonly bytes: bigint;
  readonly position: bigint;
}

export const storedBytes: Table<Pick<StoredBytesRow, 'organizationId'>, StoredBytesRow> = {
  name: 'stored_bytes',
  key: [column('organization_id', 'text', ({ organizationId }) => organizationId)],
  rest: [
    column('bytes', 'bigint', ({ bytes }) => bytes),
    column('position', 'bigint', ({ position }) => position),
  ],
  idOf: ({ organizationId }) => organizationId,
  read: (row) => ({
    organizationId: text(row, 'organization_id'),
    bytes: amount(row, 'bytes'),
    position: amount(row, 'position'),
  }),
};

interface LargePayloadRow {
  /** `payloadName` of its ref. */
  readonly name: string;
  readonly organizationId: OrganizationId;
  readonly bytes: number;
  readonly position: bigint;
}

export const largePayloads: Table<Pick<LargePayloadRow, 'name'>, LargePayloadRow> = {
  name: 'large_payloads',
  key: [column('name', 'text', ({ name }) => name)],
  rest: [
    column('organization_id', 'text', ({ organizationId }) => organizationId),
    column('bytes', 'bigint', ({ bytes }) => bytes),
    column('position', 'bigint', ({ position }) => position),
  ],
  idOf: ({ name }) => name,
};
