/**
 * What is required of where an execution is worked on, by several: its caller, the caller's key and
 * the organization. All of it holds, so of two the stricter one does.
 */
import type { Promises } from '../../contracts/catalogue/capabilities.js';

/** `conflict`: a field of which no route can keep both. */
type Joined = { readonly require: Promises | undefined } | { readonly conflict: keyof Promises };

export function joined(one: Promises | undefined, other: Promises | undefined): Joined {
  if (!one || !other) return { require: one ?? other };
  const region = narrower(one.region, other.region);
  if (region === CONFLICT) return { conflict: 'region' };
  const retention = one.retention ?? other.retention;
  const training = one.training ?? other.training;
  return {
    require: {
      ...(region !== undefined && { region }),
      ...(retention !== undefined && { retention }),
      ...(training !== undefined && { training }),
    },
  };
}

/** Whether all that `required` says holds where `promised` does. `eu-west` is in `eu`. */
export function keepsAll(promised: Promises = {}, required: Promises): boolean {
  const { region, retention, training } = required;
  return (
    (region === undefined || isWithin(promised.region, region)) &&
    (retention === undefined || promised.retention === retention) &&
    (training === undefined || promised.training === training)
  );
}

const CONFLICT = Symbol('no region is in both');

function narrower(one: string | undefined, other: string | undefined) {
  if (one === undefined || other === undefined) return one ?? other;
  if (isWithin(one, other)) return one;
  return isWithin(other, one) ? other : CONFLICT;
}

const isWithin = (region: string | undefined, wide: string): boolean =>
  region === wide || (region?.startsWith(`${wide}-`) ?? false);
