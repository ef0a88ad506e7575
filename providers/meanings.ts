/**
 * What a refusal can mean. Every table of words and statuses is written in these.
 *
 *   name         code                         again                    against
 *   invalid      INPUT_VALIDATION_ERROR       never                    nobody: the caller's input
 *   tooLong      INPUT_VALIDATION_ERROR       never                    nobody: the caller's input
 *   rejected     CONTENT_MODERATION_REJECTED  never                    nobody: the caller's input
 *   wrongFormat  FILE_FORMAT_UNSUPPORTED      never                    nobody: the caller's input
 *   account      MODEL_UNAVAILABLE            elsewhere                the provider: our account
 *   refused      MODEL_UNAVAILABLE            elsewhere                the route: what we ask of it
 *   unavailable  MODEL_UNAVAILABLE            anywhere                 the provider
 *   overloaded   MODEL_OVERLOADED             anywhere                 the provider: its load
 *   throttled    MODEL_OVERLOADED             anywhere                 nobody: its limit on us
 *   broken       GENERATION_FAILED            anywhere                 the provider
 *   unusable     GENERATION_FAILED            elsewhere                the provider: a bad answer
 *   inUse        GENERATION_FAILED            anywhere, later          nobody: our call goes on
 *   mismatched   GENERATION_FAILED            never                    nobody: our key
 *   unknown      the work may be done and owed for
 */
import type { CanonicalCode, ErrorDetail } from '../contracts/error-codes.js';

export interface Known {
  readonly code: CanonicalCode;
  readonly retryable: boolean;
  readonly elsewhere?: true;
  readonly countsAsFailure: boolean;
  readonly details?: readonly ErrorDetail[];
}

export type Meaning = Known | 'unknown';

const never = (code: CanonicalCode): Known => ({ code, retryable: false, countsAsFailure: false });

const anywhere = (code: CanonicalCode, countsAsFailure: boolean): Known => ({
  code,
  retryable: true,
  countsAsFailure,
});

const elsewhere = (code: CanonicalCode, countsAsFailure: boolean): Known => ({
  code,
  retryable: true,
  elsewhere: true,
  countsAsFailure,
});

const tooLong: Known = {
  code: 'INPUT_VALIDATION_ERROR',
  retryable: false,
  countsAsFailure: false,
  details: [{ code: 'too_long', message: 'The input is longer than the model can take.' }],
};

export const meanings = {
  invalid: never('INPUT_VALIDATION_ERROR'),
  tooLong,
  rejected: never('CONTENT_MODERATION_REJECTED'),
  wrongFormat: never('FILE_FORMAT_UNSUPPORTED'),
  account: elsewhere('MODEL_UNAVAILABLE', true),
  refused: elsewhere('MODEL_UNAVAILABLE', false),
  unavailable: anywhere('MODEL_UNAVAILABLE', true),
  overloaded: anywhere('MODEL_OVERLOADED', true),
  throttled: anywhere('MODEL_OVERLOADED', false),
  broken: anywhere('GENERATION_FAILED', true),
  unusable: elsewhere('GENERATION_FAILED', true),
  inUse: anywhere('GENERATION_FAILED', false),
  mismatched: never('GENERATION_FAILED'),
  timedOut: anywhere('GENERATION_TIMEOUT', true),
} as const;

/** The meanings by which the caller is blamed; a word that says so goes before any status. */
export const blamesCaller = (meaning: Meaning): boolean =>
  meaning !== 'unknown' && !meaning.retryable && meaning.code !== 'GENERATION_FAILED';
