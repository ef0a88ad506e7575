/**
 * Spending guards: what may be spent, and what is spent of it, for the organization and for each of
 * its API keys.
 *
 *   daily, monthly   open holds and settled cost of what was accepted in that UTC day or month: a
 *                    hold counts in the windows in which it was placed, also when it ends later
 *   per minute       holds that were placed within 60 seconds, whatever became of them
 *   in flight        open holds
 *   per execution    the hold: nothing can cost more than that
 *
 * Sums are kept without guards, too, so that one that is set late in a day counts the whole day.
 * The time is the hold's own, that of the process that accepted. Clocks may differ by hours or go
 * back, so a window is not dropped because a later one was seen, but because several were.
 */
import type { GuardSetter, SpendingLimits } from '../../contracts/events/account.js';
import type { Timestamp } from '../../contracts/events/envelope.js';
import type { ApiKeyId } from '../../contracts/ids.js';
import type { Micros } from '../../contracts/money.js';

export type Scope = ApiKeyId | 'organization';

export type LimitName = keyof SpendingLimits;

/** By who set it; `inForce` has the lower of both. */
export type Guard = Readonly<Record<GuardSetter | 'inForce', SpendingLimits>>;

export interface Spent {
  /** Of a key. */
  readonly openHolds: number;
  /** Of UTC days and months (`2026-01-31`, `2026-01`), those that began to count last. */
  readonly days: readonly Window[];
  readonly months: readonly Window[];
  /** What holds reserved in slots of a quarter of a second; the last one apart, which grows. */
  readonly slots: readonly Slot[];
  readonly lastSlot: Slot;
}

interface Window {
  readonly name: string;
  readonly amount: Micros;
}

interface Slot {
  readonly slot: number;
  readonly amount: Micros;
}

export interface Spending {
  /** Of the organization; it has holds that no key's are, from before keys were counted. */
  readonly holds: ReadonlyMap<string, unknown>;
  readonly spent: Map<Scope, Spent>;
  readonly guards: Map<Scope, Guard>;
}

interface HoldAsked {
  readonly apiKeyId?: ApiKeyId | undefined;
  readonly amount: Micros;
  readonly at: Timestamp;
}

/** `day` is absent in holds that were open before days were counted. */
interface Held {
  readonly apiKeyId?: ApiKeyId | undefined;
  readonly amount: Micros;
  readonly day?: string | undefined;
}

const LIMITS = {
  maxCostPerExecution: 'MaxCostPerExecution',
  maxInFlight: 'MaxInFlight',
  dailyLimit: 'DailyLimit',
  monthlyLimit: 'MonthlyLimit',
  perMinute: 'PerMinute',
} as const satisfies Record<LimitName, string>;

export const LIMIT_NAMES = Object.keys(LIMITS) as readonly LimitName[];

/** Which guard a hold would pass, and whose. */
export type GuardPassed = `${'Organization' | 'Key'}${(typeof LIMITS)[LimitName]}`;

export const nothingSpent: Spent = {
  openHolds: 0,
  days: [],
  months: [],
  slots: [],
  lastSlot: { slot: 0, amount: 0n },
};

/** Clocks that are days apart use as many windows. */
const WINDOWS_MAX = 4;
const SLOT_MS = 250;
const SLOTS_PER_MINUTE = 60_000 / SLOT_MS;
/** A minute of five clocks that are minutes apart. */
const SLOTS_MAX = 5 * SLOTS_PER_MINUTE;
/** An organization has at most 20 keys at a time. */
const KEYS_MAX = 256;

export const dayOf = (at: Timestamp): string => at.slice(0, 10);
const monthOf = (day: string): string => day.slice(0, 7);
const slotOf = (at: Timestamp): number => Math.floor(Date.parse(at) / SLOT_MS);

/** The guard that the hold would pass; the organization's are asked first. */
export function guardPassedBy(spending: Spending, hold: HoldAsked): GuardPassed | undefined {
  if (spending.guards.size === 0) return undefined;
  const passed = limitPassed(spending, 'organization', hold);
  if (passed) return `Organization${LIMITS[passed]}`;
  const keyPassed = hold.apiKeyId && limitPassed(spending, hold.apiKeyId, hold);
  return keyPassed && `Key${LIMITS[keyPassed]}`;
}

function limitPassed(
  spending: Spending,
  scope: Scope,
  { amount, at }: HoldAsked,
): LimitName | undefined {
  const limits = spending.guards.get(scope)?.inForce;
  if (!limits) return undefined;
  const spent = spending.spent.get(scope) ?? nothingSpent;
  const { maxCostPerExecution, maxInFlight, dailyLimit, monthlyLimit, perMinute } = limits;
  if (maxCostPerExecution !== undefined && amount > maxCostPerExecution)
    return 'maxCostPerExecution';
  if (maxInFlight !== undefined && openHoldsOf(spending, scope) >= maxInFlight)
    return 'maxInFlight';
  const { daily, monthly } = spentIn(spent, dayOf(at));
  if (dailyLimit !== undefined && daily + amount > dailyLimit) return 'dailyLimit';
  if (monthlyLimit !== undefined && monthly + amount > monthlyLimit) return 'monthlyLimit';
  if (perMinute !== undefined && spentWithinAMinute(spent, at) + amount > perMinute)
    return 'perMinute';
  return undefined;
}

export const openHoldsOf = ({ holds, spent }: Spending, scope: Scope): number =>
  scope === 'organization' ? holds.size : (spent.get(scope)?.openHolds ?? 0);

export const spentIn = ({ days, months }: Spent, day: string) => ({
  daily: amountIn(days, day),
  monthly: amountIn(months, monthOf(day)),
});

const amountIn = (windows: readonly Window[], asked: string): Micros =>
  windows.findLast(({ name }) => name === asked)?.amount ?? 0n;

/** Before and after: a clock that is ahead has written what comes later on this one. */
export function spentWithinAMinute({ slots, lastSlot }: Spent, at: Timestamp): Micros {
  const now = slotOf(at);
  const counted = ({ slot, amount }: Slot) =>
    Math.abs(slot - now) <= SLOTS_PER_MINUTE ? amount : 0n;
  return slots.reduce((sum, slot) => sum + counted(slot), counted(lastSlot));
}

export function countPlaced(spending: Spending, { apiKeyId, amount, at }: HoldAsked): void {
  const day = dayOf(at);
  const slot = slotOf(at);
  const count = (scope: Scope) => {
    const spent = spending.spent.get(scope) ?? nothingSpent;
    const { slots, lastSlot } = spent;
    const isLast = lastSlot.slot === slot;
    const isCounted = spending.guards.get(scope)?.inForce.perMinute !== undefined;
    spending.spent.set(scope, {
      openHolds: spent.openHolds + 1,
      days: withAmount(spent.days, day, amount),
      months: withAmount(spent.months, monthOf(day), amount),
      slots: isLast ? slots : withSlot(slots, lastSlot, slot, isCounted),
      lastSlot: { slot, amount: isLast ? lastSlot.amount + amount : amount },
    });
  };
  count('organization');
  if (!apiKeyId) return;
  if (spending.spent.size > KEYS_MAX && !spending.spent.has(apiKeyId)) forgetAKey(spending);
  count(apiKeyId);
}

/** What came back of a hold was not spent in the windows in which it was placed. */
export function countEnded({ spent }: Spending, hold: Held, returned: Micros): void {
  const { apiKeyId, day } = hold;
  for (const scope of ['organization', apiKeyId] as const) {
    const before = scope && spent.get(scope);
    if (!before) continue;
    const { openHolds, days, months, slots, lastSlot } = before;
    spent.set(scope, {
      openHolds: Math.max(0, openHolds - 1),
      days: day === undefined ? days : withoutAmount(days, day, returned),
      months: day === undefined ? months : withoutAmount(months, monthOf(day), returned),
      slots,
      lastSlot,
    });
  }
}

function withAmount(windows: readonly Window[], name: string, amount: Micros): readonly Window[] {
  const index = windows.findLastIndex((one) => one.name === name);
  const known = windows[index];
  if (known) return windows.with(index, { name, amount: known.amount + amount });
  return [...windows.slice(1 - WINDOWS_MAX), { name, amount }];
}

function withoutAmount(
  windows: readonly Window[],
  name: string,
  amount: Micros,
): readonly Window[] {
  const index = windows.findLastIndex((one) => one.name === name);
  const known = windows[index];
  return known ? windows.with(index, { name, amount: known.amount - amount }) : windows;
}

/**
 * With the slot that was the last until now; clocks that differ come back to one. Where no guard
 * counts them, only the last minute's are worth their memory.
 */
function withSlot(
  slots: readonly Slot[],
  { slot, amount }: Slot,
  next: number,
  isCounted: boolean,
): readonly Slot[] {
  if (amount === 0n) return slots;
  const index = slots.findLastIndex((one) => one.slot === slot);
  const known = slots[index];
  if (known) return slots.with(index, { slot, amount: known.amount + amount });
  const oldest = isCounted ? -Infinity : next - SLOTS_PER_MINUTE;
  const kept = slots.slice(1 - SLOTS_MAX).filter((one) => one.slot >= oldest);
  if (slot >= oldest) kept.push({ slot, amount });
  return kept;
}

/** The key that was used longest ago, has no open hold and no guard. */
function forgetAKey({ spent, guards }: Spending): void {
  let eldest: readonly [Scope, string] | undefined;
  for (const [scope, { openHolds, days }] of spent) {
    if (scope === 'organization' || openHolds > 0 || guards.has(scope)) continue;
    const lastDay = days.at(-1)?.name ?? '';
    if (!eldest || lastDay < eldest[1]) eldest = [scope, lastDay];
  }
  if (eldest) spent.delete(eldest[0]);
}

/** What `setter` has set, with some of it set anew and some of it taken away. */
export function changedLimits(
  before: SpendingLimits,
  set: SpendingLimits,
  cleared: readonly LimitName[],
): SpendingLimits {
  const kept = Object.entries(before).filter(([name]) => !cleared.includes(name as LimitName));
  return { ...Object.fromEntries(kept), ...limitsIn(set) };
}

export const isSameLimits = (one: SpendingLimits, other: SpendingLimits): boolean =>
  LIMIT_NAMES.every((name) => one[name] === other[name]);

/** Undefined when nothing is limited any more. */
export function changedGuard(
  before: Guard | undefined,
  setBy: GuardSetter,
  limits: SpendingLimits,
): Guard | undefined {
  const operator = setBy === 'operator' ? limits : (before?.operator ?? {});
  const owner = setBy === 'owner' ? limits : (before?.owner ?? {});
  const inForce = Object.fromEntries(
    LIMIT_NAMES.flatMap((name) => {
      const lower = lowerOf(operator[name], owner[name]);
      return lower === undefined ? [] : [[name, lower]];
    }),
  );
  return Object.keys(inForce).length === 0 ? undefined : { operator, owner, inForce };
}

/** The limits among other fields. */
export const limitsIn = (fields: SpendingLimits): SpendingLimits =>
  Object.fromEntries(
    LIMIT_NAMES.flatMap((name) => (fields[name] === undefined ? [] : [[name, fields[name]]])),
  );

const lowerOf = <T extends bigint | number>(one: T | undefined, other: T | undefined) =>
  one === undefined || (other !== undefined && other < one) ? other : one;
