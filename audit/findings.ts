/** What is wrong, told one by one. Everything is counted; only the first of them are kept. */

/** `log`, `payloads` and `read models` are what I1 to I8 stand on. */
export type Invariant =
  'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I8' | 'log' | 'payloads' | 'read models';

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

/** A log in ruins must not fill the memory of who looks at it. */
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
