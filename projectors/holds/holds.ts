/** The open holds. */
import type { AccountEvent } from '../../contracts/events/account.js';
import { holds as table } from '../../infra/read-store/tables/billing.js';
import { projection } from '../engine/projection.js';

export const holds = projection<AccountEvent>(
  'holds',
  { version: 1, tables: [table] },
  {
    HoldPlaced: ({ data, position }, batch) => {
      const { holdId, organizationId, executionId, generation, amount, at: placedAt } = data;
      const hold = { holdId, organizationId, executionId, generation, amount, placedAt, position };
      batch.of(table).create(hold);
    },
    HoldSettled: ({ data }, batch) => batch.of(table).remove(data),
    HoldReleased: ({ data }, batch) => batch.of(table).remove(data),
  },
);
