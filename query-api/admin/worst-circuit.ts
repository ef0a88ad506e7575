/** One circuit as several processes see it. */
import type { CircuitStatus } from '../../infra/process-reports/postgres.js';

const FROM_BEST: readonly CircuitStatus[] = ['closed', 'half-open', 'open'];

/** Closed where nobody has seen it. */
export function worstCircuit(seen: readonly { readonly circuit: CircuitStatus }[]): CircuitStatus {
  const worst = Math.max(0, ...seen.map(({ circuit }) => FROM_BEST.indexOf(circuit)));
  return FROM_BEST[worst] ?? 'closed';
}
