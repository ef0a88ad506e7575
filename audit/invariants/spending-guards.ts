/**
 * I3, of what may be spent: at no hold was a spending guard passed that was in force there, and a
 * balance that fell below its threshold was announced right behind, once. Counted anew from the
 * events, for the organization and for each of its keys.
 */
import type { AccountEvent, SpendingLimits } from '../../contracts/events/account.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import { formatMoney, type Micros } from '../../contracts/money.js';
import type { GuardBook, OpenHold, ScopeBook } from '../open-items.js';

type Wrong = (problem: string) => void;
type HoldPlaced = Extract<AccountEvent, { type: 'HoldPlaced' }>['data'];

const MINUTE_MS = 60_000;
/** A year and its months: an end that comes later than that changes nothing any more. */
const WINDOWS_MAX = 400;
const MINUTE_ENTRIES_MAX = 200_000;

export const emptyGuardBook = (): GuardBook => ({
  scopes: new Map(),
  threshold: undefined,
  isLow: false,
  isDue: false,
});

/** `hold` is the open one that the event ends, if it does. */
export function auditSpending(
  book: GuardBook,
  event: RecordedEvent<AccountEvent>,
  hold: OpenHold | undefined,
  wrong: Wrong,
): void {
  auditAlert(book, event, wrong);
  switch (event.type) {
    case 'SpendingGuardSet': {
      const { apiKeyId = 'organization', setBy } = event.data;
      scopeOf(book, apiKeyId).limits[setBy] = event.data;
      return;
    }
    case 'HoldPlaced':
      placed(book, 'organization', event.data, wrong);
      if (event.data.apiKeyId) placed(book, event.data.apiKeyId, event.data, wrong);
      return;
    case 'HoldSettled':
    case 'HoldReleased': {
      if (!hold) return;
      const { data } = event;
      const returned = 'returned' in data ? data.returned : data.amount;
      ended(scopeOf(book, 'organization'), hold, returned);
      if (hold.apiKeyId) ended(scopeOf(book, hold.apiKeyId), hold, returned);
      return;
    }
    case 'FundsDeposited':
    case 'FundsAdjusted':
    case 'BalanceAlertSet':
    case 'BalanceRanLow':
      return;
  }
}

function scopeOf({ scopes }: GuardBook, name: string): ScopeBook {
  let scope = scopes.get(name);
  if (!scope) {
    const limits = { operator: {}, owner: {} };
    scope = { limits, windows: new Map(), openHolds: 0, minute: [] };
    scopes.set(name, scope);
  }
  return scope;
}

function placed(book: GuardBook, name: string, { amount, at }: HoldPlaced, wrong: Wrong): void {
  const scope = scopeOf(book, name);
  const { windows, limits } = scope;
  scope.openHolds += 1;
  const isUpTo = (what: keyof SpendingLimits, spent: Micros) => {
    for (const { [what]: limit } of Object.values(limits))
      if (limit !== undefined && spent > BigInt(limit))
        wrong(`passes ${what} of ${name}: ${shown(limit)}, and it is ${shown(spent, limit)}`);
  };
  isUpTo('maxCostPerExecution', amount);
  isUpTo('maxInFlight', BigInt(scope.openHolds));
  isUpTo('dailyLimit', add(windows, at.slice(0, 10), amount));
  isUpTo('monthlyLimit', add(windows, at.slice(0, 7), amount));
  if (Object.values(limits).some(({ perMinute }) => perMinute !== undefined))
    isUpTo('perMinute', withinAMinute(scope.minute, Date.parse(at), amount));
  for (const eldest of windows.size > WINDOWS_MAX ? windows.keys() : []) {
    windows.delete(eldest);
    break;
  }
}

const shown = (spent: bigint | number, limit = spent): string =>
  typeof limit === 'bigint' ? formatMoney(BigInt(spent)) : String(spent);

function ended(scope: ScopeBook, { placedAt }: OpenHold, returned: Micros): void {
  scope.openHolds -= 1;
  for (const name of [placedAt.slice(0, 10), placedAt.slice(0, 7)])
    if (scope.windows.has(name)) add(scope.windows, name, -returned);
}

function add(windows: Map<string, Micros>, name: string, amount: Micros): Micros {
  const sum = (windows.get(name) ?? 0n) + amount;
  windows.set(name, sum);
  return sum;
}

/** What was placed in the 60 seconds before this hold, by the clocks of the holds. */
function withinAMinute(minute: ScopeBook['minute'], atMs: number, amount: Micros): Micros {
  let index = minute.length;
  while ((minute[index - 1]?.atMs ?? -Infinity) > atMs) index--;
  const entry = { atMs, total: minute[index - 1]?.total ?? 0n };
  minute.splice(index, 0, entry);
  for (let later = index; later < minute.length; later++) minute[later]!.total += amount;
  const before = minute[lastUpTo(minute, atMs - MINUTE_MS)]?.total ?? 0n;
  const sum = entry.total - before;
  if (minute.length > MINUTE_ENTRIES_MAX) minute.splice(0, minute.length / 2);
  return sum;
}

/** The last entry that is not later; -1 where there is none. */
function lastUpTo(minute: ScopeBook['minute'], atMs: number): number {
  let [low, high] = [0, minute.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (minute[middle]!.atMs <= atMs) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function auditAlert(book: GuardBook, { type, data }: RecordedEvent<AccountEvent>, wrong: Wrong) {
  if ((type === 'BalanceRanLow') !== book.isDue)
    wrong(book.isDue ? 'follows a low balance that was not announced' : 'announces what is not');
  book.isDue = false;
  if (type === 'BalanceRanLow' && data.threshold !== book.threshold)
    wrong('announces another threshold');
  if (type === 'BalanceAlertSet') book.threshold = data.threshold;
  const isLow = book.threshold !== undefined && data.availableAfter < book.threshold;
  book.isDue = isLow && !book.isLow && type !== 'BalanceAlertSet' && type !== 'BalanceRanLow';
  book.isLow = isLow;
}
