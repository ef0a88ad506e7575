/** Findings of an audit. Every one is counted; only the first ones are kept. */

/** I1 to I8 presuppose `log`, `payloads` and `read models`. */
export type Invariant =
  | 'I1'
  | 'I2'
  | 'I3'
  | 'I4'
  | 'I5'
  | 'I6'
  | 'I8'
  | 'log'
  | 'payloads'
  | 'read models';

export interface Finding {
  readonly invariant: Invariant;
  /** The stream, projection, payload or dispatch key that it is about. */
  readonly subject: string;
  readonly problem: string;
}

export interface Findings {
  add(invariant: Invariant, subject: string, problem: string): void;
  /** The first ones, in the order in which they were found. */
  readonly kept: readonly Finding[];
  readonly total: number;
}

/** A badly damaged log must not fill the memory of its auditor. */
const KEPT_MAX = 1_000;

export function openFindings(): Findings {
  const kept: Finding[] = [];
  let total = 0;
  return {
    add(invariant, subject, problem) {
      total += 1;
      if (kept.length < KEPT_MAX) kept.push({ invariant, subject, problem });
    },
    kept,
    get total() {
      return total;
    },
  };
}
