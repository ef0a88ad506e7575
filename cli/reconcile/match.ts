/** Estimate, charge, recorded cost and invoice, line by line. */
import type { Micros } from '../../contracts/money.js';
import type { Attempt } from './attempts.js';
import type { InvoiceLine } from './invoice.js';

export interface Match {
  readonly state:
    | 'equal'
    | 'differs'
    /** The log has no such attempt at the provider. */
    | 'unknown'
    /** An earlier line is of the same attempt. */
    | 'twice'
    /** The log says that something is owed, and the invoice has no line. */
    | 'not_invoiced';
  readonly line?: InvoiceLine;
  readonly attempt?: Attempt;
  /** Invoiced beyond what was recorded. */
  readonly difference: Micros;
}

/** In the order of the invoice, then what it lacks in the order of the log. */
export function matchesOf(
  invoice: readonly InvoiceLine[],
  attempts: readonly Attempt[],
): readonly Match[] {
  const named = new Map<string, Attempt>();
  // What an execution's id or a repeated key names is the newest attempt that was paid for.
  for (const attempt of attempts)
    for (const name of [attempt.executionId, attempt.dispatchKey, attempt.providerJobId])
      if (name !== undefined && (!named.has(name) || attempt.providerCost !== undefined))
        named.set(name, attempt);
  const seen = new Set<Attempt>();
  const lines = invoice.map((line): Match => {
    const attempt = named.get(line.key);
    if (!attempt) return { state: 'unknown', line, difference: line.amount };
    const isTwice = seen.has(attempt);
    seen.add(attempt);
    if (isTwice) return { state: 'twice', line, attempt, difference: line.amount };
    const difference = line.amount - (attempt.providerCost ?? 0n);
    return { state: difference === 0n ? 'equal' : 'differs', line, attempt, difference };
  });
  const keysPaid = new Set([...seen].map(({ dispatchKey }) => dispatchKey));
  const absent = attempts
    .filter((one) => (one.providerCost ?? 0n) > 0n && !keysPaid.has(one.dispatchKey))
    .map((attempt): Match => {
      return { state: 'not_invoiced', attempt, difference: -(attempt.providerCost ?? 0n) };
    });
  return [...lines, ...absent];
}
