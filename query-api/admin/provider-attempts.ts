/** The provider attempts of an execution, for operators only. */
import type { AttemptEvent, ProviderAnsweredLate } from '../../contracts/events/attempt.js';
import type { RecordedEvent, Timestamp } from '../../contracts/events/envelope.js';
import type { ExecutionEvent, ProviderDispatched } from '../../contracts/events/execution.js';
import { formatMoney, type Micros } from '../../contracts/money.js';

interface Attempt {
  readonly dispatched: ProviderDispatched['data'];
  readonly outcome: 'open' | 'succeeded' | 'failed' | 'unknown';
  readonly endedAt?: Timestamp;
  readonly providerJobId?: string;
  readonly code?: string;
  readonly detail?: string;
  readonly providerCost?: Micros;
  /** Of an unknown outcome: what we may owe the provider. */
  readonly mayHaveCost?: Micros;
  /** How many different ones its provider sent. */
  readonly callbacks?: number;
  /** What came when nobody waited any more. */
  readonly late?: ProviderAnsweredLate['data'];
}

/** `beside`: what the streams of the attempts say, which are no part of the execution's story. */
export function attemptsOf(
  facts: readonly RecordedEvent<ExecutionEvent>[],
  beside: readonly AttemptEvent[],
): readonly Attempt[] {
  const attempts = new Map<number, Attempt>();
  const learn = (attempt: number, news: Partial<Attempt>) => {
    const known = attempts.get(attempt);
    if (known) attempts.set(attempt, { ...known, ...news });
  };
  for (const { type, data } of facts) {
    switch (type) {
      case 'ProviderDispatched':
        attempts.set(data.attempt, { dispatched: data, outcome: 'open' });
        break;
      case 'ProviderAccepted':
        learn(data.attempt, { providerJobId: data.providerJobId });
        break;
      case 'ProviderSucceeded':
      case 'ExecutionCompleted':
        learn(data.attempt, {
          outcome: 'succeeded',
          endedAt: attempts.get(data.attempt)?.endedAt ?? data.at,
          providerCost: data.providerCost,
          ...('detail' in data && { detail: data.detail }),
        });
        break;
      case 'ProviderFailed': {
        const { code, detail, at: endedAt } = data;
        learn(data.attempt, { outcome: 'failed', endedAt, code, detail });
        break;
      }
      case 'ProviderOutcomeUnknown': {
        const { reason: detail, at: endedAt, mayHaveCost } = data;
        const cost = mayHaveCost !== undefined && { mayHaveCost };
        learn(data.attempt, { outcome: 'unknown', endedAt, detail, ...cost });
        break;
      }
      case 'ExecutionFailed':
        // Why what the latest attempt delivered cannot be kept.
        if (data.detail !== undefined) learn(attempts.size, { detail: data.detail });
        break;
      case 'ExecutionRequested':
      case 'ExecutionCancelled':
      case 'ExecutionExpired':
      case 'ExecutionAbandoned':
        break;
    }
  }
  for (const { type, data } of beside) {
    const { callbacks = 0 } = attempts.get(data.attempt) ?? {};
    const isCallback = type === 'ProviderCallbackReceived';
    learn(data.attempt, isCallback ? { callbacks: callbacks + 1 } : { late: data });
  }
  return [...attempts.values()];
}

/**
 * What may have been paid besides the attempt that gave the answer: a key is paid once, and that of
 * the answer gave it.
 */
export function mayHaveCostMore(attempts: readonly Attempt[]): Micros {
  const answered = attempts.find(({ outcome }) => outcome === 'succeeded')?.dispatched.dispatchKey;
  const doubts = new Map<string, Micros>();
  for (const { dispatched, mayHaveCost } of attempts)
    if (mayHaveCost !== undefined) doubts.set(dispatched.dispatchKey, mayHaveCost);
  return [...doubts].reduce((sum, [key, cost]) => (key === answered ? sum : sum + cost), 0n);
}

const lateBody = ({ at, outcome, providerCost, detail }: ProviderAnsweredLate['data']) => ({
  at,
  outcome,
  provider_cost: providerCost === undefined ? null : formatMoney(providerCost),
  detail: detail ?? null,
});

export const attemptBody = ({ dispatched, providerCost, mayHaveCost, ...attempt }: Attempt) => ({
  attempt: dispatched.attempt,
  provider: dispatched.provider,
  route: dispatched.route,
  dispatch_key: dispatched.dispatchKey,
  dispatched_at: dispatched.at,
  deadline: dispatched.deadline,
  candidates: dispatched.candidates,
  outcome: attempt.outcome,
  ended_at: attempt.endedAt ?? null,
  provider_job_id: attempt.providerJobId ?? null,
  code: attempt.code ?? null,
  detail: attempt.detail ?? null,
  provider_cost: providerCost === undefined ? null : formatMoney(providerCost),
  may_have_cost: mayHaveCost === undefined ? null : formatMoney(mayHaveCost),
  callbacks: attempt.callbacks ?? 0,
  late_answer: attempt.late ? lateBody(attempt.late) : null,
});
