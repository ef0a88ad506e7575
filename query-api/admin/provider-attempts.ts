/** The provider attempts of an execution, for operators only. */
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
}

export function attemptsOf(facts: readonly RecordedEvent<ExecutionEvent>[]): readonly Attempt[] {
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
      case 'ProviderOutcomeUnknown':
        learn(data.attempt, { outcome: 'unknown', endedAt: data.at, detail: data.reason });
        break;
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
  return [...attempts.values()];
}

export const attemptBody = ({ dispatched, providerCost, ...attempt }: Attempt) => ({
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
});
