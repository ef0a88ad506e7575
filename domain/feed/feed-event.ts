/**
 * The tenant-safe form of a stored event: what an organization may know of what happened to it, in
 * the words of the API. The feed, audit exports, proofs and continuous exports are all made of it.
 *
 * It is frozen: a given event has the same form for ever, and a type of event that has one, or has
 * none, keeps that, since the number of an event in its organization's feed is the count of those
 * before it. No provider, route, region, provider cost or provider's words; digests of payloads.
 */
import type { AnyEvent } from '../../contracts/events/all.js';
import type { Timestamp } from '../../contracts/events/envelope.js';
import type { OrganizationId } from '../../contracts/ids.js';
import { accountEvents } from './account-events.js';
import { batchEvents } from './batch-events.js';
import { erasureEvents, executionEvents } from './execution-events.js';
import { fileEvents } from './file-events.js';
import { apiKeyEvents, organizationEvents } from './settings-events.js';
import type { Source, FeedMapping, FeedContent } from './feed-content.js';
import { deliveryEvents, endpointEvents, recoveryEvents } from './webhook-events.js';

export interface FeedEvent extends FeedContent {
  readonly organizationId: OrganizationId;
  readonly time: Timestamp;
}

/** A stored event, of any type. */
export type Stored = Source & { readonly type: AnyEvent['type'] };

const mapping: FeedMapping<AnyEvent> = {
  ...organizationEvents,
  ...apiKeyEvents,
  ...accountEvents,
  ...executionEvents,
  ...erasureEvents,
  ...batchEvents,
  ...fileEvents,
  ...endpointEvents,
  ...recoveryEvents,
  ...deliveryEvents,
  MovementRecorded: null,
  ProviderCallbackReceived: null,
  ProviderAnsweredLate: null,
  PricesPublished: null,
  CatalogueTookEffect: null,
  ProviderCircuitOpened: null,
  ProviderCircuitClosed: null,
  OperatorKeyCreated: null,
  OperatorKeyRevoked: null,
  OperationRequested: null,
};

type ContentOf = (event: Source) => FeedContent;

const byType = new Map(
  Object.entries(mapping).filter(([, contentOf]) => contentOf !== null) as [
    AnyEvent['type'],
    ContentOf,
  ][],
);

/** The types of stored events that have a number in the feed of their organization. */
export const fedTypes: readonly AnyEvent['type'][] = [...byType.keys()];

/** Whose feed the event has a number in; undefined for what operators alone may know. */
export const feedOf = ({ type, data }: Pick<Stored, 'type' | 'data'>): OrganizationId | undefined =>
  byType.has(type) ? (data as Owned).organizationId : undefined;

/** Undefined exactly where `feedOf` is. */
export function feedEventOf(event: Stored): FeedEvent | undefined {
  const content = byType.get(event.type)?.(event);
  if (!content) return undefined;
  const { organizationId, at: time } = event.data as Owned;
  const { type, subject, data } = content;
  return { organizationId, time, type, subject, data };
}

/** On every event that has a number. */
interface Owned {
  readonly organizationId: OrganizationId;
  readonly at: Timestamp;
}
