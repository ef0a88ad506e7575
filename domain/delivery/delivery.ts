/**
 * One webhook delivery: an event that is due to one target.
 *
 *   none ──► waiting ──► succeeded ──┐
 *              │  ▲ DeliveryAttemptFailed
 *              └──┘                  │
 *              ├──────► exhausted ───┤  (six attempts, 24 hours, 410, an address we refuse, or an
 *              │                     │   endpoint that is inactive or deleted)
 *              └◄────────────────────┘  RedeliveryRequested: a new round of six attempts
 */
import type { DeliveryEvent, StopCause } from '../../contracts/events/delivery.js';
import type { Timestamp } from '../../contracts/events/envelope.js';
import { accept, alreadyDone, reject, type Decision, type Of } from '../decider.js';

export const category = 'delivery';

export type Event = DeliveryEvent;

type Scheduled = Extract<Event, { type: 'DeliveryScheduled' }>['data'];

interface Attempted {
  readonly result: AttemptResult;
  readonly latencyMs: number;
  /** From 0 to 1, so that the jitter is the caller's and the decision stays pure. */
  readonly jitter: number;
  readonly at: Timestamp;
}

export type Command =
  | { type: 'Schedule'; data: Scheduled }
  /** What could not be sent to begin with, so that it is seen and can be sent again. */
  | { type: 'ScheduleStopped'; data: Scheduled; cause: StopCause }
  /** Its first attempt was made as it was scheduled. */
  | ({ type: 'ScheduleAttempted'; data: Scheduled } & Attempted)
  | ({ type: 'RecordAttempt'; attempt: number } & Attempted)
  | { type: 'Stop'; cause: StopCause; at: Timestamp }
  | { type: 'Redeliver'; requestId: string; at: Timestamp };

export type AttemptResult =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly retryAfterMs?: number;
      readonly answer?: string;
    }
  | { readonly kind: 'failed'; readonly reason: string }
  /** The address is one that we never call. */
  | { readonly kind: 'refused'; readonly reason: string };

export type Rejection =
  | 'NotScheduled'
  | 'NotThisAttempt'
  | 'AlreadyFinished'
  | 'TooManyRedeliveries';

interface Known {
  readonly scheduled: Scheduled;
  /** Of all rounds. */
  readonly attempts: number;
  readonly redeliveries: number;
  /** Of the newest redelivery. */
  readonly requestId?: string;
}

export type State =
  | { readonly status: 'none' }
  | (Known & {
      readonly status: 'waiting';
      readonly nextAttemptAt: Timestamp;
      readonly round: Round;
    })
  | (Known & { readonly status: 'succeeded' })
  | (Known & { readonly status: 'exhausted' });

/** The attempts since it was scheduled, or since it was last asked for again. */
interface Round {
  readonly since: Timestamp;
  readonly attemptsBefore: number;
}

/** Minutes before attempts two to six; with the first that makes six. */
const RETRY_AFTER_MINUTES = [2, 4, 8, 16, 30] as const;
export const ATTEMPTS_MAX = RETRY_AFTER_MINUTES.length + 1;
export const AGE_MAX_MS = 24 * 3_600_000;
/** A receiver may ask for a longer wait, within which all six attempts still happen. */
const RETRY_AFTER_MAX_MS = 3_600_000;
/** Rounds of one delivery that somebody may ask for: its stream stays short. */
const REDELIVERIES_MAX = 100;

export const initial = (): State => ({ status: 'none' });

export function evolve(state: State, { type, data }: Event): State {
  if (type === 'DeliveryScheduled')
    return {
      status: 'waiting',
      scheduled: data,
      attempts: 0,
      redeliveries: 0,
      nextAttemptAt: data.at,
      round: firstRound(data),
    };
  if (state.status === 'none') return state;
  switch (type) {
    case 'DeliveryAttemptFailed': {
      const { attempt: attempts, nextAttemptAt } = data;
      const round = state.status === 'waiting' ? state.round : firstRound(state.scheduled);
      return { ...knownOf(state), status: 'waiting', attempts, nextAttemptAt, round };
    }
    case 'DeliverySucceeded':
      return { ...knownOf(state), status: 'succeeded', attempts: data.attempt };
    case 'DeliveryExhausted':
      return { ...knownOf(state), status: 'exhausted', attempts: data.attempt };
    case 'DeliveryStopped':
      return { ...knownOf(state), status: 'exhausted' };
    case 'RedeliveryRequested':
      return {
        ...knownOf(state),
        status: 'waiting',
        redeliveries: state.redeliveries + 1,
        requestId: data.requestId,
        nextAttemptAt: data.at,
        round: { since: data.at, attemptsBefore: state.attempts },
      };
  }
}

function knownOf({ scheduled, attempts, redeliveries, requestId }: Known): Known {
  return { scheduled, attempts, redeliveries, ...(requestId !== undefined && { requestId }) };
}

const firstRound = ({ at }: Scheduled): Round => ({ since: at, attemptsBefore: 0 });

export function decide(state: State, command: Command): Decision<Event, Rejection> {
  if (state.status === 'none') return schedule(command);
  switch (command.type) {
    case 'Schedule':
    case 'ScheduleStopped':
    case 'ScheduleAttempted':
      return alreadyDone;
    case 'RecordAttempt':
      if (state.status !== 'waiting') return reject('AlreadyFinished');
      if (command.attempt !== state.attempts + 1) return reject('NotThisAttempt');
      return accept(outcomeOf(command, state));
    case 'Stop':
      if (state.status !== 'waiting') return alreadyDone;
      return accept(stoppedOf(state.scheduled, command.cause, command.at));
    case 'Redeliver':
      return redeliver(command, state);
  }
}

function schedule(command: Command): Decision<Event, Rejection> {
  switch (command.type) {
    case 'Schedule':
      return accept(scheduledOf(command.data));
    case 'ScheduleStopped': {
      const { data, cause } = command;
      return accept<Event>(scheduledOf(data), stoppedOf(data, cause, data.at));
    }
    case 'ScheduleAttempted': {
      const first = scheduledOf(command.data);
      const state = evolve(initial(), first) as Waiting;
      return accept<Event>(first, outcomeOf(command, state));
    }
    case 'RecordAttempt':
    case 'Stop':
    case 'Redeliver':
      return reject('NotScheduled');
  }
}

const scheduledOf = (data: Scheduled) => ({ type: 'DeliveryScheduled', data }) as const;

function stoppedOf(scheduled: Scheduled, cause: StopCause, at: Timestamp): Event {
  return { type: 'DeliveryStopped', data: { ...factOf(scheduled), cause, at } };
}

/** What every event says. */
function factOf({ deliveryId, organizationId, executionId, endpointId }: Scheduled) {
  return {
    deliveryId,
    organizationId,
    ...(executionId !== undefined && { executionId }),
    ...(endpointId !== undefined && { endpointId }),
  };
}

/** One that is due already, or was asked for by the same request, is not due twice. */
function redeliver(
  { requestId, at }: Of<Command, 'Redeliver'>,
  state: Exclude<State, { status: 'none' }>,
): Decision<Event, Rejection> {
  if (state.requestId === requestId) return alreadyDone;
  if (state.status === 'waiting' && state.attempts === state.round.attemptsBefore)
    return alreadyDone;
  if (state.redeliveries >= REDELIVERIES_MAX) return reject('TooManyRedeliveries');
  const { scheduled, attempts, status: was } = state;
  const data = { ...factOf(scheduled), requestId, attempts, was, at };
  return accept({ type: 'RedeliveryRequested', data });
}

type Waiting = Extract<State, { status: 'waiting' }>;

function outcomeOf({ result, latencyMs, jitter, at }: Attempted, state: Waiting): Event {
  const { scheduled } = state;
  const attempt = state.attempts + 1;
  const answer = result.kind === 'answered' && result.answer ? { answer: result.answer } : {};
  const tried = { ...factOf(scheduled), at, attempt, latencyMs, ...answer };
  if (result.kind === 'answered' && result.status >= 200 && result.status < 300)
    return { type: 'DeliverySucceeded', data: { ...tried, status: result.status } };
  const why =
    result.kind === 'answered'
      ? { status: result.status, reason: `answered ${result.status}` }
      : { reason: result.reason };
  const next = nextAttempt({ result, jitter, at }, state);
  return typeof next === 'string'
    ? { type: 'DeliveryExhausted', data: { ...tried, ...why, cause: next } }
    : {
        type: 'DeliveryAttemptFailed',
        data: { ...tried, ...why, nextAttemptAt: next.toISOString() },
      };
}

type Cause = Extract<Event, { type: 'DeliveryExhausted' }>['data']['cause'];

/** When to try again, or why never. `Retry-After` may only lengthen the wait, up to an hour. */
function nextAttempt(
  { result, jitter, at }: Omit<Attempted, 'latencyMs'>,
  { attempts, round }: Waiting,
): Date | Cause {
  if (result.kind === 'refused') return 'refused';
  if (result.kind === 'answered' && result.status === 410) return 'gone';
  const minutes = RETRY_AFTER_MINUTES[attempts - round.attemptsBefore];
  if (minutes === undefined) return 'attempts';
  const asked = result.kind === 'answered' ? (result.retryAfterMs ?? 0) : 0;
  const waitMs = Math.max(
    minutes * 60_000 * (1 + 0.2 * jitter),
    Math.min(asked, RETRY_AFTER_MAX_MS),
  );
  const due = Date.parse(at) + Math.round(waitMs);
  return due > Date.parse(round.since) + AGE_MAX_MS ? 'age' : new Date(due);
}
