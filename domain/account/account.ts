/**
 * The account: an organization's money. Available money is reserved by holds; a hold ends once,
 * settled to the actual cost or released in full. Available money never falls below zero.
 *
 * `evolve` owns its state and changes it in place: an account may have thousands of open holds.
 */
import type {
  AccountEvent,
  GuardSetter,
  ReleaseReason,
  SpendingLimits,
} from '../../contracts/events/account.js';
import type { Timestamp } from '../../contracts/events/envelope.js';
import type { ApiKeyId, ExecutionId, HoldId, OrganizationId } from '../../contracts/ids.js';
import type { Micros } from '../../contracts/money.js';
import { accept, alreadyDone, reject, type Decision, type Of } from '../decider.js';
import {
  changedGuard,
  changedLimits,
  countEnded,
  countPlaced,
  dayOf,
  guardPassedBy,
  isSameLimits,
  LIMIT_NAMES,
  limitsIn,
  type GuardPassed,
  type LimitName,
  type Spending,
} from './spending.js';

export const category = 'account';

export type Event = AccountEvent;

/** `recorded` is the amount under the same key where the state has forgotten it. */
export type Command =
  | Stamped<'Deposit', { topUpId: string; amount: Micros; recorded?: Micros }>
  | Stamped<'Adjust', { adjustmentId: string; amount: Micros; reason: string; recorded?: Micros }>
  | Stamped<'PlaceHold', HoldAsked & { holdId: HoldId }>
  /** Refused as `PlaceHold` would be, and changes nothing. */
  | Stamped<'CheckHold', HoldAsked>
  | Stamped<'SettleHold', { executionId: ExecutionId; holdId: HoldId; cost: Micros }>
  | Stamped<'ReleaseHold', { executionId: ExecutionId; holdId: HoldId; reason: ReleaseReason }>
  /** What is neither set nor cleared stays. */
  | Stamped<'SetSpendingGuard', GuardChange>
  /** Without a threshold, a low balance is not announced. */
  | Stamped<'SetBalanceAlert', { threshold?: Micros }>;

type GuardChange = SpendingLimits & {
  apiKeyId?: ApiKeyId;
  setBy: GuardSetter;
  cleared: readonly LimitName[];
};

interface HoldAsked {
  executionId: ExecutionId;
  generation: number;
  amount: Micros;
  /** Under whose spending guard it is, beside the organization's. */
  apiKeyId?: ApiKeyId;
  /** With so many open holds no other is placed. An execution's hold is open until it is over. */
  openHoldsMax?: number | undefined;
}

type Stamped<T extends string, D> = { type: T; organizationId: OrganizationId; at: Timestamp } & D;

export type Rejection =
  | 'AmountNotPositive'
  | 'AmountTooLarge'
  | 'DepositExistsWithDifferentAmount'
  | 'AdjustmentExistsWithDifferentAmount'
  | 'AdjustmentExceedsBalance'
  | 'HoldExistsWithDifferentAmount'
  | 'TooManyOpenHolds'
  | 'InsufficientFunds'
  | GuardPassed
  | 'LimitAboveOperators'
  | 'TooManyGuards';

/** An open hold; ended ones are forgotten, their ids stay in the log. */
export interface Hold {
  readonly holdId: HoldId;
  readonly executionId: ExecutionId;
  readonly generation: number;
  readonly amount: Micros;
  readonly apiKeyId?: ApiKeyId | undefined;
  /** In UTC, on which it was placed; absent in those from before it was kept. */
  readonly day?: string | undefined;
}

/** The threshold is announced once: it is `isLow` until there is as much again. */
interface BalanceAlert {
  readonly threshold: Micros;
  readonly isLow: boolean;
}

export interface State extends Spending {
  available: Micros;
  held: Micros;
  alert: BalanceAlert | undefined;
  /** Open holds by execution and generation, so that racing duplicates find one another's. */
  readonly holds: Map<string, Hold>;
  /** No open hold has a later generation. */
  lastGeneration: number;
  /**
   * The newest deposits and adjustments by the operator's key, at most `REMEMBERED_MAX` of each.
   * What is forgotten has a record of its own in the log, and comes back as `recorded`.
   */
  readonly deposits: Map<string, Micros>;
  readonly adjustments: Map<string, Micros>;
}

/** An amount above a billion dollars is a slip of the keyboard. */
export const AMOUNT_MAX: Micros = 1_000_000_000_000_000n;

export const REMEMBERED_MAX = 10_000;

/** Of an organization's keys, those of the past included: a guard stays until it is cleared. */
export const GUARDS_MAX = 1_000;

export const initial = (): State => ({
  available: 0n,
  held: 0n,
  alert: undefined,
  holds: new Map(),
  lastGeneration: 0,
  deposits: new Map(),
  adjustments: new Map(),
  spent: new Map(),
  guards: new Map(),
});

export function evolve(state: State, { type, data }: Event): State {
  state.available = data.availableAfter;
  state.held = data.heldAfter;
  const { alert } = state;
  if (alert?.isLow && state.available >= alert.threshold)
    state.alert = { threshold: alert.threshold, isLow: false };
  switch (type) {
    case 'FundsDeposited':
      remember(state.deposits, data.topUpId, data.amount);
      return state;
    case 'FundsAdjusted':
      remember(state.adjustments, data.adjustmentId, data.amount);
      return state;
    case 'HoldPlaced': {
      const { holdId, executionId, generation, amount, apiKeyId } = data;
      putHold(state, { holdId, executionId, generation, amount, apiKeyId, day: dayOf(data.at) });
      countPlaced(state, data);
      return state;
    }
    case 'HoldSettled':
      endHold(state, data, data.returned);
      return state;
    case 'HoldReleased':
      endHold(state, data, data.amount);
      return state;
    case 'SpendingGuardSet': {
      const scope = data.apiKeyId ?? 'organization';
      const guard = changedGuard(state.guards.get(scope), data.setBy, limitsIn(data));
      if (guard) state.guards.set(scope, guard);
      else state.guards.delete(scope);
      return state;
    }
    case 'BalanceAlertSet': {
      const { threshold } = data;
      const isLow = threshold !== undefined && state.available < threshold;
      state.alert = threshold === undefined ? undefined : { threshold, isLow };
      return state;
    }
    case 'BalanceRanLow':
      state.alert = { threshold: data.threshold, isLow: true };
      return state;
  }
}

function endHold(
  state: State,
  ended: { executionId: ExecutionId; holdId: HoldId },
  returned: Micros,
): void {
  const hold = holdOf(state, ended);
  if (!hold) return;
  state.holds.delete(keyOf(hold));
  countEnded(state, hold, returned);
}

export function putHold(state: State, hold: Hold): void {
  state.holds.set(keyOf(hold), hold);
  state.lastGeneration = Math.max(state.lastGeneration, hold.generation);
}

export function decide(state: State, command: Command): Decision<Event, Rejection> {
  const decision = decideOn(state, command);
  return state.alert && decision.kind === 'accepted'
    ? accept(...decision.events, ...lowAfter(state.alert, decision.events))
    : decision;
}

function decideOn(state: State, command: Command): Decision<Event, Rejection> {
  switch (command.type) {
    case 'Deposit':
      return deposit(command, state);
    case 'Adjust':
      return adjust(command, state);
    case 'PlaceHold':
      return placeHold(command, state);
    case 'CheckHold':
      return checkHold(command, state);
    case 'SettleHold':
      return settleHold(command, state);
    case 'ReleaseHold':
      return releaseHold(command, state);
    case 'SetSpendingGuard':
      return setSpendingGuard(command, state);
    case 'SetBalanceAlert':
      return setBalanceAlert(command, state);
  }
}

/** A threshold that is set above what is there is not fallen below: it is when it is crossed. */
function lowAfter({ threshold, isLow }: BalanceAlert, events: readonly Event[]): readonly Event[] {
  const last = events.at(-1);
  if (!last || isLow || last.type === 'BalanceAlertSet') return [];
  const { organizationId, at, availableAfter, heldAfter } = last.data;
  if (availableAfter >= threshold) return [];
  const data = { organizationId, at, threshold, availableAfter, heldAfter };
  return [{ type: 'BalanceRanLow', data }];
}

function deposit({ type: _, recorded, ...data }: Of<Command, 'Deposit'>, state: State) {
  const earlier = state.deposits.get(data.topUpId) ?? recorded;
  if (earlier !== undefined && earlier !== data.amount)
    return reject('DepositExistsWithDifferentAmount');
  if (earlier !== undefined) return alreadyDone;
  if (data.amount <= 0n) return reject('AmountNotPositive');
  if (data.amount > AMOUNT_MAX) return reject('AmountTooLarge');
  if (state.available + data.amount > AMOUNT_MAX) return reject('AmountTooLarge');
  const after = standing(state, data.amount, 0n);
  return accept<Event>({ type: 'FundsDeposited', data: { ...data, ...after } });
}

function adjust({ type: _, recorded, ...data }: Of<Command, 'Adjust'>, state: State) {
  const earlier = state.adjustments.get(data.adjustmentId) ?? recorded;
  if (earlier !== undefined && earlier !== data.amount)
    return reject('AdjustmentExistsWithDifferentAmount');
  if (earlier !== undefined) return alreadyDone;
  if (state.available + data.amount > AMOUNT_MAX) return reject('AmountTooLarge');
  if (state.available + data.amount < 0n) return reject('AdjustmentExceedsBalance');
  const after = standing(state, data.amount, 0n);
  return accept<Event>({ type: 'FundsAdjusted', data: { ...data, ...after } });
}

function placeHold(command: Of<Command, 'PlaceHold'>, state: State): Decision<Event, Rejection> {
  const checked = checkHold(command, state);
  if (checked.kind !== 'accepted') return checked;
  const { organizationId, executionId, generation, holdId, amount, apiKeyId, at } = command;
  const availableAfter = state.available - amount;
  const heldAfter = state.held + amount;
  const about = { organizationId, executionId, generation, holdId };
  const data =
    apiKeyId === undefined
      ? { ...about, amount, at, availableAfter, heldAfter }
      : { ...about, apiKeyId, amount, at, availableAfter, heldAfter };
  return accept({ type: 'HoldPlaced', data });
}

function checkHold(asked: HoldAsked & { at: Timestamp }, state: State): Decision<Event, Rejection> {
  const { amount, openHoldsMax = Infinity } = asked;
  const hold = state.holds.get(keyOf(asked));
  if (hold && hold.amount !== amount) return reject('HoldExistsWithDifferentAmount');
  if (hold) return alreadyDone;
  if (amount <= 0n) return reject('AmountNotPositive');
  if (state.holds.size >= openHoldsMax) return reject('TooManyOpenHolds');
  const passed = guardPassedBy(state, asked);
  if (passed) return reject(passed);
  if (amount > state.available) return reject('InsufficientFunds');
  return accept();
}

/** The charge never exceeds the hold: the overrun is recorded for the operator, not billed. */
function settleHold(
  { type: _, cost, ...data }: Of<Command, 'SettleHold'>,
  state: State,
): Decision<Event, Rejection> {
  const hold = holdOf(state, data);
  if (!hold) return alreadyDone;
  const charged = cost < hold.amount ? cost : hold.amount;
  const returned = hold.amount - charged;
  const after = standing(state, returned, -hold.amount);
  const overrun = cost - charged;
  return accept({ type: 'HoldSettled', data: { ...data, charged, returned, overrun, ...after } });
}

function releaseHold(
  { type: _, ...data }: Of<Command, 'ReleaseHold'>,
  state: State,
): Decision<Event, Rejection> {
  const hold = holdOf(state, data);
  if (!hold) return alreadyDone;
  const after = standing(state, hold.amount, -hold.amount);
  return accept({ type: 'HoldReleased', data: { ...data, amount: hold.amount, ...after } });
}

function setSpendingGuard(
  { type: _, cleared, ...data }: Of<Command, 'SetSpendingGuard'>,
  state: State,
): Decision<Event, Rejection> {
  const { organizationId, apiKeyId, setBy, at } = data;
  const guard = state.guards.get(apiKeyId ?? 'organization');
  const before = guard?.[setBy] ?? {};
  const limits = changedLimits(before, data, cleared);
  if (isSameLimits(limits, before)) return alreadyDone;
  const isAbove = (name: LimitName) => (data[name] ?? 0) > (guard?.operator[name] ?? Infinity);
  if (setBy === 'owner' && LIMIT_NAMES.some(isAbove)) return reject('LimitAboveOperators');
  if (!guard && state.guards.size >= GUARDS_MAX) return reject('TooManyGuards');
  const about = { organizationId, ...(apiKeyId && { apiKeyId }), setBy, at };
  const after = standing(state, 0n, 0n);
  return accept({ type: 'SpendingGuardSet', data: { ...about, ...limits, ...after } });
}

function setBalanceAlert(
  { type: _, ...data }: Of<Command, 'SetBalanceAlert'>,
  state: State,
): Decision<Event, Rejection> {
  if (data.threshold === state.alert?.threshold) return alreadyDone;
  return accept({ type: 'BalanceAlertSet', data: { ...data, ...standing(state, 0n, 0n) } });
}

/** The open hold for an execution as it was requested at that revision of its stream. */
export const openHold = (
  state: State,
  executionId: ExecutionId,
  generation: number,
): Hold | undefined => state.holds.get(keyOf({ executionId, generation }));

/** Nearly all holds are of generation 0: they have no text of their own for it. */
const keyOf = ({ executionId, generation }: { executionId: ExecutionId; generation: number }) =>
  generation === 0 ? executionId : `${executionId}/${generation}`;

/** Generations are few (one per abandonment), so a hold is found by trying them in turn. */
function holdOf(
  { holds, lastGeneration }: State,
  { executionId, holdId }: { executionId: ExecutionId; holdId: HoldId },
): Hold | undefined {
  for (let generation = 0; generation <= lastGeneration; generation++) {
    const hold = holds.get(keyOf({ executionId, generation }));
    if (hold?.holdId === holdId) return hold;
  }
  return undefined;
}

const standing = (state: State, toAvailable: Micros, toHeld: Micros) => ({
  availableAfter: state.available + toAvailable,
  heldAfter: state.held + toHeld,
});

function remember(known: Map<string, Micros>, key: string, amount: Micros): void {
  known.set(key, amount);
  if (known.size <= REMEMBERED_MAX) return;
  for (const oldest of known.keys()) {
    known.delete(oldest);
    return;
  }
}
