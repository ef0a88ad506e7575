/**
 * One webhook delivery: an event of an execution that is owed to one address.
 *
 *   none ──► waiting ──► succeeded
 *              │  ▲ DeliveryAttemptFailed
 *              └──┘
 *              └──────► exhausted   (six attempts, 24 hours, 410, or an address we refuse)
 */
import type { DeliveryEvent } from '../../contracts/events/delivery.js';
import type { Timestamp } from '../../contracts/events/envelope.js';
import { accept, alreadyDone, reject, type Decision, type Of } from '../decider.js';

export const category = 'delivery';

export type Event = DeliveryEvent;

type Scheduled = Extract<Event, { type: 'DeliveryScheduled' }>['data'];

export type Command =
  | { type: 'Schedule'; data: Scheduled }
  | {
      type: 'RecordAttempt';
      attempt: number;
      result: AttemptResult;
      latencyMs: number;
      /** From 0 to 1, so that the jitter is the caller's and the decision stays pure. */
      jitter: number;
      at: Timestamp;
    };

export type AttemptResult =
  | { readonly kind: 'answered'; readonly status: number; readonly retryAfterMs?: number }
  | { readonly kind: 'failed'; readonly reason: string }
  /** The address is one that we never call. */
  | { readonly kind: 'refused'; readonly reason: string };

export type Rejection = 'NotScheduled' | 'NotThisAttempt' | 'AlreadyFinished';

export type State =
  | { readonly status: 'none' }
  | {
      readonly status: 'waiting';
      readonly scheduled: Scheduled;
      readonly attempts: number;
      readonly nextAttemptAt: Timestamp;
    }
  | { readonly status: 'succeeded'; readonly scheduled: Scheduled }
  | { readonly status: 'exhausted'; readonly scheduled: Scheduled };

/** Minutes before attempts two to six; with the first that makes six. */
const RETRY_AFTER_MINUTES = [2, 4, 8, 16, 30] as const;
export const ATTEMPTS_MAX = RETRY_AFTER_MINUTES.length + 1;
export const AGE_MAX_MS = 24 * 3_600_000;
/** A receiver may ask for a longer wait, within which all six attempts still happen. */
const RETRY_AFTER_MAX_MS = 3_600_000;

export const initial = (): State => ({ status: 'none' });

export function evolve(state: State, { type, data }: Event): State {
  if (type === 'DeliveryScheduled')
    return { status: 'waiting', scheduled: data, attempts: 0, nextAttemptAt: data.at };
  if (state.status === 'none') return state;
  const { scheduled } = state;
  switch (type) {
    case 'DeliveryAttemptFailed': {
      const { attempt, nextAttemptAt } = data;
      return { status: 'waiting', scheduled, attempts: attempt, nextAttemptAt };
    }
    case 'DeliverySucceeded':
      return { status: 'succeeded', scheduled };
    case 'DeliveryExhausted':
      return { status: 'exhausted', scheduled };
  }
}

export function decide(state: State, command: Command): Decision<Event, Rejection> {
  switch (state.status) {
    case 'none':
      if (command.type === 'RecordAttempt') return reject('NotScheduled');
      return accept({ type: 'DeliveryScheduled', data: command.data });
    case 'waiting':
      return command.type === 'Schedule' ? alreadyDone : recordAttempt(command, state);
    case 'succeeded':
    case 'exhausted':
      return command.type === 'Schedule' ? alreadyDone : reject('AlreadyFinished');
  }
}

type Waiting = Extract<State, { status: 'waiting' }>;

function recordAttempt(
  command: Of<Command, 'RecordAttempt'>,
  state: Waiting,
): Decision<Event, Rejection> {
  const { attempt, result, latencyMs, at } = command;
  if (attempt !== state.attempts + 1) return reject('NotThisAttempt');
  const { deliveryId, organizationId, executionId } = state.scheduled;
  const tried = { deliveryId, organizationId, executionId, at, attempt, latencyMs };
  if (result.kind === 'answered' && result.status >= 200 && result.status < 300)
    return accept({ type: 'DeliverySucceeded', data: { ...tried, status: result.status } });
  const why =
    result.kind === 'answered'
      ? { status: result.status, reason: `answered ${result.status}` }
      : { reason: result.reason };
  const next = nextAttempt(command, state);
  return typeof next === 'string'
    ? accept({ type: 'DeliveryExhausted', data: { ...tried, ...why, cause: next } })
    : accept({
        type: 'DeliveryAttemptFailed',
        data: { ...tried, ...why, nextAttemptAt: next.toISOString() },
      });
}

type Cause = Extract<Event, { type: 'DeliveryExhausted' }>['data']['cause'];

/** When to try again, or why never. `Retry-After` may only lengthen the wait, up to an hour. */
function nextAttempt(
  { result, attempt, jitter, at }: Of<Command, 'RecordAttempt'>,
  { scheduled }: Waiting,
): Date | Cause {
  if (result.kind === 'refused') return 'refused';
  if (result.kind === 'answered' && result.status === 410) return 'gone';
  const minutes = RETRY_AFTER_MINUTES[attempt - 1];
  if (minutes === undefined) return 'attempts';
  const asked = result.kind === 'answered' ? (result.retryAfterMs ?? 0) : 0;
  const waitMs = Math.max(
    minutes * 60_000 * (1 + 0.2 * jitter),
    Math.min(asked, RETRY_AFTER_MAX_MS),
  );
  const due = Date.parse(at) + Math.round(waitMs);
  return due > Date.parse(scheduled.at) + AGE_MAX_MS ? 'age' : new Date(due);
}
