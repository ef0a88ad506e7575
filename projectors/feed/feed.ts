/** The feed of each organization: its events in their tenant-safe form, numbered in log order. */
import type { AnyEvent } from '../../contracts/events/all.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import { feedEventOf, fedTypes, feedOf } from '../../domain/feed/feed-event.js';
import { feedEvents, feedHeads } from '../../infra/read-store/tables/feed.js';
import { projection, type Batch } from '../engine/projection.js';

export const feed = projection<AnyEvent>(
  'feed',
  {
    version: 1,
    tables: [feedEvents, feedHeads],
    plan: (event, plan) => {
      const organizationId = feedOf(event);
      if (organizationId !== undefined) plan.reads(feedHeads, { organizationId });
    },
  },
  Object.fromEntries(fedTypes.map((type) => [type, enter])),
);

function enter(event: RecordedEvent<AnyEvent>, batch: Batch): void {
  const form = feedEventOf(event);
  if (!form) throw new Error(`${event.type} has no number in a feed`);
  const { organizationId, type, subject, time: at, data } = form;
  const { id: eventId, position } = event;
  const before = batch.of(feedHeads).get({ organizationId })?.sequence ?? 0n;
  const sequence = before + 1n;
  batch.of(feedHeads).put({ organizationId, sequence, position });
  batch.of(feedEvents).create({
    organizationId,
    sequence,
    position,
    eventId,
    type,
    subject,
    at,
    data: JSON.stringify(data),
  });
}
