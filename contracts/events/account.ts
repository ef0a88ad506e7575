/** The facts of an account: an organization's money. Every one says what stands after it. */
import type { ExecutionId, HoldId, OrganizationId } from '../ids.js';
import type { Micros } from '../money.js';
import type { DomainEvent, EventSchema, Timestamp } from './envelope.js';
import { count, eventSchema, id, money, oneOf, text, timestamp } from './schema-parts.js';

/** Present on every account event; amounts in micros. */
export interface AccountStanding {
  readonly organizationId: OrganizationId;
  readonly availableAfter: Micros;
  readonly heldAfter: Micros;
  readonly at: Timestamp;
}

export type ReleaseReason =
  | 'failed'
  | 'cancelled'
  | 'expired'
  | 'abandoned'
  /** The execution exists, but is funded by another hold. */
  | 'orphaned';

/** Money arrived; `topUpId` is the operator's idempotency key. */
export type FundsDeposited = DomainEvent<
  'FundsDeposited',
  AccountStanding & { readonly topUpId: string; readonly amount: Micros }
>;

/** The operator corrected the balance by a signed `amount`. */
export type FundsAdjusted = DomainEvent<
  'FundsAdjusted',
  AccountStanding & {
    readonly adjustmentId: string;
    readonly amount: Micros;
    readonly reason: string;
  }
>;

/** `amount` is reserved for one execution; `generation` is the revision it was requested at. */
export type HoldPlaced = DomainEvent<
  'HoldPlaced',
  AccountStanding & {
    readonly executionId: ExecutionId;
    readonly generation: number;
    readonly holdId: HoldId;
    readonly amount: Micros;
  }
>;

/**
 * The execution cost `charged`; the `returned` rest is available again; `overrun` is ours to bear.
 */
export type HoldSettled = DomainEvent<
  'HoldSettled',
  AccountStanding & {
    readonly executionId: ExecutionId;
    readonly holdId: HoldId;
    readonly charged: Micros;
    readonly returned: Micros;
    readonly overrun: Micros;
  }
>;

/** The execution cost nothing; the whole hold is available again. */
export type HoldReleased = DomainEvent<
  'HoldReleased',
  AccountStanding & {
    readonly executionId: ExecutionId;
    readonly holdId: HoldId;
    readonly amount: Micros;
    readonly reason: ReleaseReason;
  }
>;

export type AccountEvent = FundsDeposited | FundsAdjusted | HoldPlaced | HoldSettled | HoldReleased;

const standing = {
  organizationId: id('org'),
  availableAfter: money,
  heldAfter: money,
  at: timestamp,
};
const hold = { ...standing, executionId: id('exec'), holdId: id('hold') };

export const accountSchemas: Record<AccountEvent['type'], EventSchema> = {
  FundsDeposited: eventSchema('Money arrived on the account.', {
    ...standing,
    topUpId: text,
    amount: money,
  }),
  FundsAdjusted: eventSchema('The operator corrected the balance.', {
    ...standing,
    adjustmentId: text,
    amount: money,
    reason: text,
  }),
  HoldPlaced: eventSchema('Money is reserved for one execution.', {
    ...hold,
    generation: count,
    amount: money,
  }),
  HoldSettled: eventSchema('The execution was charged; the rest of its hold came back.', {
    ...hold,
    charged: money,
    returned: money,
    overrun: money,
  }),
  HoldReleased: eventSchema('The execution cost nothing; its hold came back in full.', {
    ...hold,
    amount: money,
    reason: oneOf('failed', 'cancelled', 'expired', 'abandoned', 'orphaned'),
  }),
};
