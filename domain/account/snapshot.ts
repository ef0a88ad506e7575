/**
 * An account's state as text, so that a cold start costs the same at any age of the account. The
 * text is made and read in parts, a line each, so that neither holds up what else is to be done:
 * an account may have hundreds of thousands of open holds.
 *
 *   {"available": …, "held": …, "holds": [], "deposits": […], "adjustments": […], "guards": […]}
 *   {"scope": …, "openHolds": …, "days": […], "months": […], "slots": […]}
 *   …
 *   [[holdId, executionId, generation, amount, day, apiKeyId], …]
 *   …
 */
import type { SpendingLimits } from '../../contracts/events/account.js';
import type { ApiKeyId, ExecutionId, HoldId } from '../../contracts/ids.js';
import { putHold, type Hold, type State } from './account.js';
import { changedGuard, nothingSpent, type LimitName, type Scope, type Spent } from './spending.js';

/** 1 had all holds in the first line; neither knew what was spent when. They are read as well. */
export const version = 3;
export const versionsBefore = [1, 2];

type WrittenHold = readonly [string, string, number, string, (string | null)?, string?];

type WrittenLimits = Partial<Record<LimitName, string | number>>;

interface WrittenSpent {
  readonly scope: Scope;
  readonly openHolds: number;
  readonly days: readonly (readonly [string, string])[];
  readonly months: readonly (readonly [string, string])[];
  readonly slots: readonly (readonly [number, string])[];
}

interface Written {
  readonly available: string;
  readonly held: string;
  readonly holds: readonly WrittenHold[];
  readonly lastGeneration?: number;
  readonly deposits: readonly (readonly [string, string])[];
  readonly adjustments: readonly (readonly [string, string])[];
  readonly guards?: readonly (readonly [Scope, WrittenLimits, WrittenLimits])[];
  readonly alert?: { readonly threshold: string; readonly isLow: boolean };
}

/** About a millisecond of work. */
const HOLDS_PER_PART = 1_000;

/** The state as it is now: it may change while the parts are taken. */
export function parts(state: State): Iterable<string> {
  const { alert } = state;
  const written: Written = {
    available: state.available.toString(),
    held: state.held.toString(),
    holds: [],
    lastGeneration: state.lastGeneration,
    deposits: [...state.deposits].map(([key, amount]) => [key, amount.toString()]),
    adjustments: [...state.adjustments].map(([key, amount]) => [key, amount.toString()]),
    guards: [...state.guards].map(([scope, { operator, owner }]) => [
      scope,
      writtenLimits(operator),
      writtenLimits(owner),
    ]),
    ...(alert && { alert: { threshold: alert.threshold.toString(), isLow: alert.isLow } }),
  };
  return partsOf(JSON.stringify(written), [...state.spent], [...state.holds.values()]);
}

function* partsOf(
  first: string,
  spent: readonly (readonly [Scope, Spent])[],
  holds: readonly Hold[],
): Generator<string> {
  yield first;
  for (const [scope, one] of spent) yield JSON.stringify(writtenSpent(scope, one));
  for (let at = 0; at < holds.length; at += HOLDS_PER_PART)
    yield JSON.stringify(holds.slice(at, at + HOLDS_PER_PART).map(writtenHold));
}

const writtenSpent = (scope: Scope, spent: Spent): WrittenSpent => ({
  scope,
  openHolds: spent.openHolds,
  days: spent.days.map(({ name, amount }) => [name, amount.toString()]),
  months: spent.months.map(({ name, amount }) => [name, amount.toString()]),
  slots: [...spent.slots, spent.lastSlot].map(({ slot, amount }) => [slot, amount.toString()]),
});

const writtenHold = (hold: Hold): WrittenHold => {
  const { holdId, executionId, generation, amount, day, apiKeyId } = hold;
  const written = [holdId, executionId, generation, amount.toString()] as const;
  return apiKeyId ? [...written, day ?? null, apiKeyId] : day ? [...written, day] : written;
};

/** Puts what a part says into the state. */
export function readPart(state: State, part: string): void {
  const written = JSON.parse(part) as Written | WrittenSpent | readonly WrittenHold[];
  if ('scope' in written) return readSpent(state, written);
  if (!('available' in written)) return readHolds(state, written);
  state.available = BigInt(written.available);
  state.held = BigInt(written.held);
  state.lastGeneration = written.lastGeneration ?? 0;
  readHolds(state, written.holds);
  for (const [key, amount] of written.deposits) state.deposits.set(key, BigInt(amount));
  for (const [key, amount] of written.adjustments) state.adjustments.set(key, BigInt(amount));
  for (const [scope, operator, owner] of written.guards ?? []) {
    const first = changedGuard(undefined, 'operator', readLimits(operator));
    const guard = changedGuard(first, 'owner', readLimits(owner));
    if (guard) state.guards.set(scope, guard);
  }
  const { alert } = written;
  if (alert) state.alert = { threshold: BigInt(alert.threshold), isLow: alert.isLow };
}

function readSpent(state: State, { scope, openHolds, days, months, slots }: WrittenSpent): void {
  const windowOf = ([name, amount]: readonly [string, string]) => ({
    name,
    amount: BigInt(amount),
  });
  const read = slots.map(([slot, amount]) => ({ slot, amount: BigInt(amount) }));
  state.spent.set(scope, {
    openHolds,
    days: days.map(windowOf),
    months: months.map(windowOf),
    slots: read.slice(0, -1),
    lastSlot: read.at(-1) ?? nothingSpent.lastSlot,
  });
}

function readHolds(state: State, holds: readonly WrittenHold[]): void {
  for (const [holdId, executionId, generation, amount, day, apiKeyId] of holds)
    putHold(state, {
      holdId: holdId as HoldId,
      executionId: executionId as ExecutionId,
      generation,
      amount: BigInt(amount),
      apiKeyId: apiKeyId as ApiKeyId | undefined,
      day: day ?? undefined,
    });
}

/** Amounts as texts, the number of executions as a number. */
const writtenLimits = (limits: SpendingLimits): WrittenLimits =>
  Object.fromEntries(
    Object.entries(limits).map(([name, limit]) => [
      name,
      typeof limit === 'bigint' ? limit.toString() : (limit as number),
    ]),
  );

const readLimits = (written: WrittenLimits): SpendingLimits =>
  Object.fromEntries(
    Object.entries(written).map(([name, limit]) => [
      name,
      typeof limit === 'string' ? BigInt(limit) : limit,
    ]),
  );

export const write = (state: State): string => [...parts(state)].join('\n');
