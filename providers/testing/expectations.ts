/** What the suites of adapters expect of an outcome, and the words that must never be in one. */
import { expect } from 'chai';
import type { CanonicalCode } from '../../contracts/error-codes.js';
import type { ProviderCall, ProviderOutcome } from '../port.js';
import type { Answer } from './stage.js';

/** Makes the call against a provider that answers so. */
export type Play = (answer: Answer, more?: Partial<ProviderCall>) => Promise<ProviderOutcome>;

export const PROMPT = 'canary-prompt-1b2f';
export const CREDENTIAL = 'canary-credential-77aa';

export const sick = { retryable: true, countsAsFailure: true };
export const well = { retryable: false, countsAsFailure: false };

export function expectFailed(
  outcome: ProviderOutcome,
  code: CanonicalCode,
  { retryable, countsAsFailure }: { retryable: boolean; countsAsFailure: boolean },
): void {
  expectQuiet(outcome);
  expect(outcome).to.include({ kind: 'failed', code, retryable, countsAsFailure });
}

export function expectUnknown(outcome: ProviderOutcome): void {
  expectQuiet(outcome);
  expect(outcome).to.have.all.keys('kind', 'detail').and.to.include({ kind: 'unknown' });
}

/** Details are for operators: short, and never with what the caller sent or we signed with. */
function expectQuiet(outcome: ProviderOutcome): void {
  const detail = 'detail' in outcome ? outcome.detail : '';
  expect(detail).not.to.match(/canary/);
  expect(detail.length).to.be.below(120);
}
