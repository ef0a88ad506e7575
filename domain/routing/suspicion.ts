/**
 * Failures in a row, and whether they are the provider's. An input that a provider fails on is
 * asked again and again by its own execution, and its organization may have many of the kind; none
 * of that says anything about the provider for others.
 *
 *   - The failures of one execution count once.
 *   - As many failures as the threshold, of several organizations: the provider fails for all.
 *   - As many of one organization alone: it fails for that organization. Where there is only one,
 *     that is everybody.
 *
 * So one organization counts for at most one less than the threshold against all.
 */
export interface Caller {
  readonly organization: string;
  readonly execution: string;
}

export type Suspicion = readonly Caller[];

export const forgotten: Suspicion = [];

export function suspected(failures: Suspicion, caller: Caller, threshold: number): Suspicion {
  const own = failures.filter(({ organization }) => organization === caller.organization);
  if (own.some(({ execution }) => execution === caller.execution)) return failures;
  return own.length < threshold ? [...failures, caller] : failures;
}

export function verdictOf(
  failures: Suspicion,
  threshold: number,
): 'none' | 'all' | { readonly only: string } {
  const [first] = failures;
  if (!first || failures.length < threshold) return 'none';
  const isOfOne = failures.every(({ organization }) => organization === first.organization);
  return isOfOne ? { only: first.organization } : 'all';
}
