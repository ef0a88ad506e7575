/**
 * An account's state as text, so that a cold start costs the same at any age of the account. The
 * text is made and read in parts, a line each, so that neither holds up what else is to be done:
 * an account may have hundreds of thousands of open holds.
 *
 *   {"available": …, "held": …, "holds": [], "deposits": […], "adjustments": […]}
 *   [[holdId, executionId, generation, amount], …]
 *   …
 */
import type { ExecutionId, HoldId } from '../../contracts/ids.js';
import { putHold, type Hold, type State } from './account.js';

/** 1 had all holds in the first line. It is read as well. */
export const version = 2;
export const versionBefore = 1;

type WrittenHold = readonly [string, string, number, string];

interface Written {
  readonly available: string;
  readonly held: string;
  readonly holds: readonly WrittenHold[];
  readonly lastGeneration?: number;
  readonly deposits: readonly (readonly [string, string])[];
  readonly adjustments: readonly (readonly [string, string])[];
}

/** About a millisecond of work. */
const HOLDS_PER_PART = 1_000;

/** The state as it is now: it may change while the parts are taken. */
export function parts(state: State): Iterable<string> {
  const written: Written = {
    available: state.available.toString(),
    held: state.held.toString(),
    holds: [],
    lastGeneration: state.lastGeneration,
    deposits: [...state.deposits].map(([key, amount]) => [key, amount.toString()]),
    adjustments: [...state.adjustments].map(([key, amount]) => [key, amount.toString()]),
  };
  return partsOf(JSON.stringify(written), [...state.holds.values()]);
}

function* partsOf(first: string, holds: readonly Hold[]): Generator<string> {
  yield first;
  for (let at = 0; at < holds.length; at += HOLDS_PER_PART)
    yield JSON.stringify(holds.slice(at, at + HOLDS_PER_PART).map(writtenHold));
}

const writtenHold = ({ holdId, executionId, generation, amount }: Hold): WrittenHold => [
  holdId,
  executionId,
  generation,
  amount.toString(),
];

/** Puts what a part says into the state. */
export function readPart(state: State, part: string): void {
  const written = JSON.parse(part) as Written | readonly WrittenHold[];
  if (!('available' in written)) return readHolds(state, written);
  state.available = BigInt(written.available);
  state.held = BigInt(written.held);
  state.lastGeneration = written.lastGeneration ?? 0;
  readHolds(state, written.holds);
  for (const [key, amount] of written.deposits) state.deposits.set(key, BigInt(amount));
  for (const [key, amount] of written.adjustments) state.adjustments.set(key, BigInt(amount));
}

function readHolds(state: State, holds: readonly WrittenHold[]): void {
  for (const [holdId, executionId, generation, amount] of holds)
    putHold(state, {
      holdId: holdId as HoldId,
      executionId: executionId as ExecutionId,
      generation,
      amount: BigInt(amount),
    });
}

export const write = (state: State): string => [...parts(state)].join('\n');
