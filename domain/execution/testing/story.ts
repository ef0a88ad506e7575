/** One execution for specs: its commands and its events. */
import { errorCatalogue } from '../../../contracts/error-codes.js';
import type { ExecutionId, HoldId, OrganizationId } from '../../../contracts/ids.js';
import type * as Execution from '../execution.js';

export const T0 = '2026-01-01T00:00:00.000Z';
export const T1 = '2026-01-01T00:00:01.000Z';
export const LATE = '2026-01-01T00:10:00.000Z';
const executionId: ExecutionId = 'exec_1';
const organizationId: OrganizationId = 'org_1';
export const holdId: HoldId = 'hold_1';
export const who = { executionId, organizationId };

export const request = (changes: object = {}) => ({
  ...who,
  at: T0,
  apiKeyId: 'key_1' as const,
  idempotencyKey: 'k',
  bodyHash: 'h',
  model: 'm',
  modality: 'text' as const,
  input: { ref: 'i', sha256: 'a', bytes: 1 },
  metadata: {},
  estimatedCost: 10n,
  holdAmount: 12n,
  holdId,
  expiresAt: '2026-01-01T00:05:00.000Z',
  catalogueVersion: 'v',
  ...changes,
});
export const requested = { type: 'ExecutionRequested', data: request() } satisfies Execution.Event;
export const claim = {
  provider: 'p',
  route: 'r',
  dispatchKey: 'exec_1.1',
  deadline: LATE,
  candidates: [],
  at: T1,
};
export const dispatch = { type: 'Dispatch', ...claim } satisfies Execution.Command;
export const dispatched = {
  type: 'ProviderDispatched',
  data: { ...who, ...claim, attempt: 1 },
} satisfies Execution.Event;
export const onAttempt = { ...who, at: T1, attempt: 1, provider: 'p', route: 'r' };
export const output = { ref: 'o', sha256: 'b', bytes: 2 };
export const success = { output, usage: { images: 1 }, cost: 9n, providerCost: 5n };
export const delivered = {
  type: 'ProviderSucceeded',
  data: { ...onAttempt, ...success },
} satisfies Execution.Event;
export const ending = { ...who, holdId, at: T1 };
export const completed = {
  type: 'ExecutionCompleted',
  data: {
    ...who,
    at: T1,
    attempt: 1,
    holdId,
    output,
    files: [],
    summary: { n: 1 },
    usage: success.usage,
    cost: 9n,
    providerCost: 5n,
    latencyMs: 1000,
  },
} satisfies Execution.Event;
const { message, retryable } = errorCatalogue.GENERATION_FAILED;
export const failedEvent = {
  type: 'ExecutionFailed',
  data: { ...ending, code: 'GENERATION_FAILED', message, retryable },
} satisfies Execution.Event;
export const cancelled = { type: 'ExecutionCancelled', data: ending } satisfies Execution.Event;
export const expired = { type: 'ExecutionExpired', data: ending } satisfies Execution.Event;
export const abandonedOf = (hold: HoldId): Execution.Event => ({
  type: 'ExecutionAbandoned',
  data: { ...who, holdId: hold, at: T1 },
});
const failure = (isRetryable: boolean, attemptsMax = 3) => ({
  code: 'GENERATION_FAILED' as const,
  retryable: isRetryable,
  detail: 'd',
  attemptsMax,
});
export const fail = (isRetryable: boolean, attemptsMax = 3) =>
  ({
    type: 'RecordFailure',
    attempt: 1,
    failure: failure(isRetryable, attemptsMax),
    at: T1,
  }) satisfies Execution.Command;
export const failedOnce = {
  type: 'ProviderFailed',
  data: { ...onAttempt, code: 'GENERATION_FAILED', retryable: true, detail: 'd' },
} satisfies Execution.Event;
export const unknown = (more: Partial<Execution.Unknown>) => ({
  type: 'RecordUnknown' as const,
  attempt: 1,
  reason: 'cut',
  repeatable: false,
  attemptsMax: 3,
  at: T1,
  ...more,
});
export const unknownOutcome = {
  type: 'ProviderOutcomeUnknown',
  data: { ...onAttempt, reason: 'cut' },
} satisfies Execution.Event;
export const unknownWith = (more: object): Execution.Event => ({
  type: 'ProviderOutcomeUnknown',
  data: { ...onAttempt, reason: 'cut', repeatable: false, ...more },
});
export const timedOut = {
  type: 'ExecutionFailed',
  data: {
    ...ending,
    code: 'GENERATION_TIMEOUT',
    message: errorCatalogue.GENERATION_TIMEOUT.message,
    retryable: true,
  },
} satisfies Execution.Event;
export const complete = (withSuccess: boolean): Execution.Command => ({
  type: 'Complete',
  attempt: 1,
  completion: { output, files: [], summary: { n: 1 }, ...(withSuccess && { success }) },
  at: T1,
});
export const cancel = { type: 'Cancel', at: T1 } satisfies Execution.Command;
export const expire = (at: string): Execution.Command => ({ type: 'Expire', at });
export const abandon = (hold: HoldId): Execution.Command => ({
  type: 'Abandon',
  ...who,
  holdId: hold,
  at: T1,
});
export const asked = { type: 'Request', data: request() } satisfies Execution.Command;
