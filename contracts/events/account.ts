/** The facts of an account: an organization's money. Every one says what stands after it. */
import type { ApiKeyId, ExecutionId, HoldId, OrganizationId } from '../ids.js';
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

/**
 * `amount` is reserved for one execution; `generation` is the revision it was requested at. It
 * counts in the spending guards of `apiKeyId`, where there is one, and of the organization, in the
 * UTC day and month of `at`.
 */
export type HoldPlaced = DomainEvent<
  'HoldPlaced',
  AccountStanding & {
    readonly executionId: ExecutionId;
    readonly generation: number;
    readonly holdId: HoldId;
    readonly amount: Micros;
    readonly apiKeyId?: ApiKeyId;
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

/** What may be spent: amounts in micros, executions in numbers. What is absent is unlimited. */
export interface SpendingLimits {
  /** Open holds and settled cost of the executions accepted in a UTC day. */
  readonly dailyLimit?: Micros;
  /** The same in a UTC month. */
  readonly monthlyLimit?: Micros;
  /** Of one hold, which is the most that its execution can cost. */
  readonly maxCostPerExecution?: Micros;
  /** Holds placed within 60 seconds, whatever became of them. */
  readonly perMinute?: Micros;
  /** Open holds. */
  readonly maxInFlight?: number;
}

/** Operators set limits; whoever owns the account may set lower ones beside them. */
export type GuardSetter = 'operator' | 'owner';

/**
 * The limits that `setBy` has set are these from here on, for an API key or, without `apiKeyId`,
 * for the organization. Of both setters' limits the lower is in force.
 */
export type SpendingGuardSet = DomainEvent<
  'SpendingGuardSet',
  AccountStanding & SpendingLimits & { readonly apiKeyId?: ApiKeyId; readonly setBy: GuardSetter }
>;

/** From here on a fall of the available money below `threshold` is announced; without, none is. */
export type BalanceAlertSet = DomainEvent<
  'BalanceAlertSet',
  AccountStanding & { readonly threshold?: Micros }
>;

/**
 * What is available, `availableAfter`, fell below `threshold`, by the event before this one. It is
 * said once: again only after there was at least as much as the threshold.
 */
export type BalanceRanLow = DomainEvent<
  'BalanceRanLow',
  AccountStanding & { readonly threshold: Micros }
>;

export type AccountEvent =
  | FundsDeposited
  | FundsAdjusted
  | HoldPlaced
  | HoldSettled
  | HoldReleased
  | SpendingGuardSet
  | BalanceAlertSet
  | BalanceRanLow;

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
    'apiKeyId?': id('key'),
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
  SpendingGuardSet: eventSchema('Limits of what may be spent were set.', {
    ...standing,
    'apiKeyId?': id('key'),
    setBy: oneOf('operator', 'owner'),
    'dailyLimit?': money,
    'monthlyLimit?': money,
    'maxCostPerExecution?': money,
    'perMinute?': money,
    'maxInFlight?': count,
  }),
  BalanceAlertSet: eventSchema('The threshold of a low balance was set, or taken away.', {
    ...standing,
    'threshold?': money,
  }),
  BalanceRanLow: eventSchema('What is available fell below the threshold.', {
    ...standing,
    threshold: money,
  }),
};
