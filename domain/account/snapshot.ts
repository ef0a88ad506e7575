/** An account's state as text, so that a cold start costs the same at any age of the account. */
import type { ExecutionId, HoldId } from '../../contracts/ids.js';
import { initial, type State } from './account.js';

export const version = 1;

interface Written {
  readonly available: string;
  readonly held: string;
  readonly holds: readonly (readonly [string, string, number, string])[];
  readonly deposits: readonly (readonly [string, string])[];
  readonly adjustments: readonly (readonly [string, string])[];
}

export function write(state: State): string {
  const written: Written = {
    available: state.available.toString(),
    held: state.held.toString(),
    holds: [...state.holds.values()].map((hold) => [
      hold.holdId,
      hold.executionId,
      hold.generation,
      hold.amount.toString(),
    ]),
    deposits: [...state.deposits].map(([key, amount]) => [key, amount.toString()]),
    adjustments: [...state.adjustments].map(([key, amount]) => [key, amount.toString()]),
  };
  return JSON.stringify(written);
}

export function read(text: string): State {
  const written = JSON.parse(text) as Written;
  const state = initial();
  state.available = BigInt(written.available);
  state.held = BigInt(written.held);
  for (const [holdId, executionId, generation, amount] of written.holds)
    state.holds.set(`${executionId}/${generation}`, {
      holdId: holdId as HoldId,
      executionId: executionId as ExecutionId,
      generation,
      amount: BigInt(amount),
    });
  for (const [key, amount] of written.deposits) state.deposits.set(key, BigInt(amount));
  for (const [key, amount] of written.adjustments) state.adjustments.set(key, BigInt(amount));
  return state;
}
