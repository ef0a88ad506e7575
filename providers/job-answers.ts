/** What the providers that answer later have in common: ids, questions, and how jobs end. */
import type { Unread } from './failures.js';
import { isObject } from './json-object.js';
import { meanings, type Known } from './meanings.js';
import type { JobOutcome, ProviderCall, ProviderResult } from './port.js';

/** An answer carries addresses, or a text. */
export const JOB_ANSWER_BYTES_MAX = 4 * 1024 * 1024;

/** A job is only announced in the answer to the call: what takes longer was lost on its way. */
const SUBMIT_TIMEOUT_MS = 30_000;

export const submitting = <C extends Pick<ProviderCall, 'timeoutMs'>>(call: C): C => ({
  ...call,
  timeoutMs: Math.min(call.timeoutMs, SUBMIT_TIMEOUT_MS),
});

/** It becomes part of paths, and is stored: characters that neither takes are in no id. */
const JOB_ID = /^(?!\.{1,2}$)[^\p{Cc}\p{Cs}]{1,256}$/u;

export const jobIdIn = (id: unknown): string | undefined =>
  typeof id === 'string' && JOB_ID.test(id) ? id : undefined;

export function jobFailed(meaning: Known, detail: string): ProviderResult {
  return { kind: 'failed', ...meaning, detail };
}

export const cancelledThere = (): ProviderResult =>
  jobFailed(meanings.inUse, 'the job was cancelled at the provider');

/** A question that went wrong says nothing about the job. */
export function unanswered(outcome: Unread): JobOutcome {
  const { detail } = outcome;
  const retryAfterMs = outcome.kind === 'failed' ? outcome.retryAfterMs : undefined;
  if (retryAfterMs === undefined) return { kind: 'pending', detail };
  return { kind: 'pending', detail, pollAfterMs: retryAfterMs };
}

/** The JSON object of a callback's body, if it is one. */
export function objectOf(body: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const json: unknown = JSON.parse(body.toString('utf8'));
    return isObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}
