/** The open holds, and of those that ended the ones that were open for long. */
import type { AccountEvent, HoldReleased, HoldSettled } from '../../contracts/events/account.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import {
  holds as table,
  longHolds,
  SHORT_HOLD_EVENTS,
  spanClassOf,
} from '../../infra/read-store/tables/billing.js';
import { projection, type Batch } from '../engine/projection.js';

export const holds = projection<AccountEvent>(
  'holds',
  {
    version: 2,
    tables: [table, longHolds],
    plan: ({ type, data }, plan) => {
      if (type === 'HoldPlaced') plan.creates(table, data);
      if (type === 'HoldSettled' || type === 'HoldReleased') plan.reads(table, data);
    },
  },
  {
    HoldPlaced: ({ data, position, revision }, batch) => {
      const { holdId, organizationId, executionId, generation, amount, at: placedAt } = data;
      const where = { placedAt, position, revision };
      batch.of(table).create({ holdId, organizationId, executionId, generation, amount, ...where });
    },
    HoldSettled: end,
    HoldReleased: end,
  },
);

function end(event: RecordedEvent<HoldReleased | HoldSettled>, batch: Batch): void {
  const { data, position: endedPosition, revision } = event;
  const hold = batch.of(table).get(data);
  batch.of(table).remove(data);
  if (hold?.revision === undefined) return;
  if (revision - hold.revision <= SHORT_HOLD_EVENTS) return;
  const spanClass = spanClassOf(hold.position, endedPosition);
  batch.of(longHolds).create({ ...hold, endedPosition, spanClass });
}
