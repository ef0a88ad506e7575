/** The feeds of organizations: what each may know of what happened to it, numbered. */
import type { FeedType } from '../../../contracts/cloud-events/feed-types.js';
import type { Timestamp } from '../../../contracts/events/envelope.js';
import type { OrganizationId } from '../../../contracts/ids.js';
import { amount, column, text, type Table } from '../table.js';

export interface FeedRow {
  readonly organizationId: OrganizationId;
  readonly sequence: bigint;
  readonly position: bigint;
  /** Of the stored event. */
  readonly eventId: string;
  readonly type: FeedType;
  readonly subject: string;
  readonly at: Timestamp;
  /** JSON. */
  readonly data: string;
}

/** An organization's id as the column has it. */
export const feedOwner = (organizationId: OrganizationId): string =>
  organizationId.slice('org_'.length);

/** The organization whose id the column has so. */
export const ownerOf = (uuid: string): OrganizationId => `org_${uuid}`;

export const feedEvents: Table<Pick<FeedRow, 'organizationId' | 'sequence'>, FeedRow> = {
  name: 'feed_events',
  key: [
    column('organization_id', 'uuid', ({ organizationId }) => feedOwner(organizationId)),
    column('sequence', 'bigint', ({ sequence }) => sequence),
  ],
  rest: [
    column('position', 'bigint', ({ position }) => position),
    column('event_id', 'uuid', ({ eventId }) => eventId),
    column('type', 'text', ({ type }) => type),
    column('subject', 'text', ({ subject }) => subject),
    column('at', 'timestamptz', ({ at }) => at),
    column('data', 'text', ({ data }) => data),
  ],
};

interface FeedHead {
  readonly organizationId: OrganizationId;
  /** Of the newest event. */
  readonly sequence: bigint;
  readonly position: bigint;
}

export const feedHeads: Table<Pick<FeedHead, 'organizationId'>, FeedHead> = {
  name: 'feed_heads',
  key: [column('organization_id', 'text', ({ organizationId }) => organizationId)],
  rest: [
    column('sequence', 'bigint', ({ sequence }) => sequence),
    column('position', 'bigint', ({ position }) => position),
  ],
  idOf: ({ organizationId }) => organizationId,
  read: (row) => ({
    organizationId: text(row, 'organization_id'),
    sequence: amount(row, 'sequence'),
    position: amount(row, 'position'),
  }),
};
