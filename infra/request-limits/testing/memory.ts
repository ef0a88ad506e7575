/** Limits of requests that the limiters of one process share. */
import { claimed, type Grant, type Spending } from '../../../domain/rate-limit/request-limit.js';
import type { RequestLimits } from '../port.js';

/** `clock` answers milliseconds. */
export function openMemoryRequestLimits(
  clock: () => number = () => performance.now(),
): RequestLimits {
  const spendings = new Map<string, Spending>();
  return {
    async claim(claims) {
      const grants = new Map<string, Grant>();
      for (const claim of claims) {
        const [spending, grant] = claimed(spendings.get(claim.name), claim, clock());
        spendings.set(claim.name, spending);
        grants.set(claim.name, grant);
      }
      return grants;
    },
  };
}
