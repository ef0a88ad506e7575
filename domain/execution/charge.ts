/** What a success is charged: its price, and never more than what was held for it. */
import type { Micros } from '../../contracts/money.js';

/** `ratedCost` is the price where it is beyond the hold; what is beyond is ours to bear. */
export interface Charge {
  readonly cost: Micros;
  readonly ratedCost?: Micros;
}

/** The first release recorded a price beyond the hold as `cost`; it was not charged then either. */
export function chargeOf(success: Charge, holdAmount: Micros): Charge {
  const ratedCost = ratedCostOf(success);
  return ratedCost > holdAmount ? { cost: holdAmount, ratedCost } : { cost: ratedCost };
}

export const ratedCostOf = ({ cost, ratedCost = cost }: Charge): Micros => ratedCost;
