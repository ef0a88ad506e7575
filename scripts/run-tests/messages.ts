/** What the runner and its workers say to each other. */

/** Runs a file; `end` closes what specs shared and ends the worker. */
export type Order = { readonly run: string } | 'end';

export interface Outcome {
  readonly passed: number;
  /** Each as a person reads it: title, error, difference, stack. */
  readonly failures: readonly string[];
  readonly skips: readonly Skip[];
}

export interface Skip {
  readonly title: string;
  readonly reason: string;
}
