/**
 * What an execution is at each moment: a fold of its events. Its states and transitions are drawn
 * at the head of execution.ts.
 */
import type { Timestamp } from '../../contracts/events/envelope.js';
import type {
  ExecutionEvent,
  ExecutionRequested,
  ProviderDispatched,
  ProviderSucceeded,
} from '../../contracts/events/execution.js';
import type { CanonicalCode } from '../../contracts/error-codes.js';
import type { HoldId } from '../../contracts/ids.js';
import type { Micros } from '../../contracts/money.js';
import { ratedCostOf } from './charge.js';

type Event = ExecutionEvent;

export type Requested = ExecutionRequested['data'];

/** One attempt as it was dispatched, and how it ended. */
export interface Attempt {
  readonly attempt: number;
  readonly provider: string;
  readonly route: string;
  /** Where it is not the one that was asked for. */
  readonly model?: string;
  readonly account?: string;
  readonly dispatchKey: string;
  readonly deadline: Timestamp;
  readonly dispatchedAt: Timestamp;
  /** The provider accepted it and answers later. */
  readonly job?: Job;
  readonly ended?: { code: CanonicalCode; retryable: boolean; elsewhere?: true } | 'unknown';
  /** Of an unknown end, see doubt.ts. */
  readonly mayHaveCost?: Micros;
  readonly isRepeatable?: boolean;
}

export interface Job {
  readonly providerJobId: string;
  readonly acceptedAt: Timestamp;
}

export interface Known {
  readonly request: Requested;
  readonly attempts: readonly Attempt[];
}

export type State =
  | { readonly status: 'none' }
  | { readonly status: 'abandoned'; readonly holdIds: readonly HoldId[] }
  | (Known & { readonly status: 'pending'; readonly notBefore?: Timestamp })
  | (Known & { readonly status: 'processing'; readonly current: Attempt })
  | (Known & {
      readonly status: 'awaitingWebhook';
      readonly current: Attempt & { readonly job: Job };
    })
  | (Known & {
      readonly status: 'delivered';
      readonly current: Attempt;
      readonly success: ProviderSucceeded['data'];
    })
  | (Known & { readonly status: 'completed'; readonly ratedCost: Micros })
  | (Known & { readonly status: 'failed' })
  | (Known & { readonly status: 'cancelled' })
  | (Known & { readonly status: 'expired' });

export const initial = (): State => ({ status: 'none' });

export function evolve(state: State, event: Event): State {
  switch (event.type) {
    case 'ExecutionRequested':
      return { status: 'pending', request: event.data, attempts: [] };
    case 'ExecutionAbandoned': {
      const before = state.status === 'abandoned' ? state.holdIds : [];
      return { status: 'abandoned', holdIds: [...before, event.data.holdId] };
    }
    case 'ProviderDispatched':
      return dispatched(known(state), event.data);
    case 'ProviderAccepted': {
      const { current: before, request, attempts } = inFlight(state);
      const { providerJobId, at } = event.data;
      const current = { ...before, job: { providerJobId, acceptedAt: at } };
      return {
        status: 'awaitingWebhook',
        request,
        attempts: [...attempts.slice(0, -1), current],
        current,
      };
    }
    case 'ProviderSucceeded': {
      const { current, ...rest } = inFlight(state);
      return { ...rest, status: 'delivered', current, success: event.data };
    }
    case 'ProviderFailed': {
      const { attempt, code, retryable, elsewhere, notBefore } = event.data;
      const how: EndOf = { ended: { code, retryable, ...(elsewhere && { elsewhere }) } };
      return pending(ended(state, attempt, how), notBefore);
    }
    case 'ProviderOutcomeUnknown': {
      const { attempt, mayHaveCost, repeatable, notBefore } = event.data;
      const how: EndOf = {
        ended: 'unknown',
        ...(mayHaveCost !== undefined && { mayHaveCost }),
        ...(repeatable !== undefined && { isRepeatable: repeatable }),
      };
      return pending(ended(state, attempt, how), notBefore);
    }
    case 'ExecutionCompleted':
      return { status: 'completed', ratedCost: ratedCostOf(event.data), ...known(state) };
    case 'ExecutionFailed':
      return { status: 'failed', ...known(state) };
    case 'ExecutionCancelled':
      return { status: 'cancelled', ...known(state) };
    case 'ExecutionExpired':
      return { status: 'expired', ...known(state) };
  }
}

/** The attempt whose job its provider may still be running though the execution is over. */
export function abandonedJob(state: State): (Attempt & { readonly job: Job }) | undefined {
  if (state.status !== 'cancelled' && state.status !== 'expired') return undefined;
  const last = state.attempts.at(-1);
  return last?.job && !last.ended ? { ...last, job: last.job } : undefined;
}

/** Whether the end of that attempt is recorded, so that nothing said about it changes anything. */
export function outcomeIsKnown(state: State, attempt: number): boolean {
  if (!('attempts' in state)) return false;
  const one = state.attempts[attempt - 1];
  if (!one || one.ended === 'unknown') return false;
  if (one.ended) return true;
  const isLast = attempt === state.attempts.length;
  return isLast && (state.status === 'delivered' || state.status === 'completed');
}

const pending = ({ request, attempts }: Known, notBefore?: Timestamp): State => ({
  status: 'pending',
  request,
  attempts,
  ...(notBefore && { notBefore }),
});

function dispatched({ request, attempts }: Known, data: ProviderDispatched['data']): State {
  const { attempt, provider, route, model, account, dispatchKey, deadline, at } = data;
  const current: Attempt = {
    attempt,
    provider,
    route,
    ...(model !== undefined && { model }),
    ...(account !== undefined && { account }),
    dispatchKey,
    deadline,
    dispatchedAt: at,
  };
  return { status: 'processing', request, attempts: [...attempts, current], current };
}

/** History already happened; a log that contradicts itself is a defect, not a refusal. */
function known(state: State): Known {
  if ('request' in state) return { request: state.request, attempts: state.attempts };
  throw new Error(`an execution went on from '${state.status}' without being requested`);
}

function inFlight(state: State): Known & { current: Attempt } {
  if (!('current' in state)) throw new Error(`no attempt is in flight in '${state.status}'`);
  return { current: state.current, ...known(state) };
}

type EndOf = Pick<Attempt, 'ended' | 'mayHaveCost' | 'isRepeatable'>;

function ended(state: State, attempt: number, how: EndOf): Known {
  const { request, attempts } = known(state);
  const marked = attempts.map((one) => (one.attempt === attempt ? { ...one, ...how } : one));
  return { request, attempts: marked };
}
