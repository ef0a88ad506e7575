/**
 * A requested (or failed, or doubtful) execution is claimed for one attempt on one route; the call
 * itself runs outside the handler. The claim is an event, so that of all competitors one calls.
 */
import type { Model, Provider, Route } from '../../contracts/catalogue/catalogue.js';
import type { ExecutionId } from '../../contracts/ids.js';
import { idOf } from '../../contracts/streams.js';
import * as Execution from '../../domain/execution/execution.js';
import {
  chooseRoute,
  type RouteChoice,
  type TriedRoute,
} from '../../domain/routing/choose-route.js';
import {
  decideOnce,
  load,
  transact,
  type Cause,
  type Loaded,
} from '../../infra/deciding/transact.js';
import type { Group } from '../../infra/event-bus/port.js';
import type { Infra } from '../../infra/infra.js';
import { causeOf } from '../cause.js';
import { openAttempts, type Attempts } from './attempts.js';
import { openProviderPool, type ProviderPool } from './provider-pool.js';

export interface RunExecution {
  readonly group: Group;
  /** What a timer does when a failed attempt may be followed by the next one. */
  advance(executionId: ExecutionId, cause: Cause, signal: AbortSignal): Promise<string>;
  /** Resolves when no call is in flight; after `waitMs` the rest is cut and recovered later. */
  drain(waitMs: number): Promise<void>;
}

/** The attempt's own deadline ends this long before others may take it over. */
const RECOVERY_SLACK_MS = 3_000;
/** How long a handler waits for a resting provider; beyond it the model is unavailable. */
const REST_WAIT_MAX_MS = 2_000;

export function openRunExecution(infra: Infra): RunExecution {
  const pool = openProviderPool(infra.metrics, infra.now);
  const attempts = openAttempts(infra);
  const advance: RunExecution['advance'] = (executionId, cause, signal) =>
    advanceOnce({ infra, pool, attempts, executionId, cause, signal });
  return {
    advance,
    drain: (waitMs) => attempts.drain(waitMs),
    group: {
      name: 'run-execution',
      categories: ['execution'],
      wakesOn: ['ExecutionRequested', 'ProviderFailed', 'ProviderOutcomeUnknown'],
      concurrencyMax: 512,
      attemptsMax: 30,
      handle(wake, signal) {
        const executionId = idOf(wake.stream) as ExecutionId;
        return advance(executionId, causeOf('run-execution', executionId, wake), signal);
      },
    },
  };
}

interface Job {
  readonly infra: Infra;
  readonly pool: ProviderPool;
  readonly attempts: Attempts;
  readonly executionId: ExecutionId;
  readonly cause: Cause;
  readonly signal: AbortSignal;
}

type Pending = Extract<Execution.State, { status: 'pending' }>;

/** A word for what was done; throws when the process stops before anything was claimed. */
async function advanceOnce(job: Job): Promise<string> {
  const { infra, pool, executionId, signal } = job;
  for (;;) {
    if (signal.aborted) throw new Error('stopping before a route was free');
    const loaded = await load(infra.store, Execution, executionId);
    const { state } = loaded;
    if (state.status !== 'pending') return `already_${state.status}`;
    const nowMs = infra.now();
    if (state.notBefore && Date.parse(state.notBefore) > nowMs) return 'not_before';
    if (Date.parse(state.request.expiresAt) <= nowMs) return 'about_to_expire';
    const { models, providers } = infra.catalogue.current();
    const model = models.get(state.request.model);
    if (!model) return giveUp(job, 'MODEL_UNAVAILABLE');
    const health = pool.health();
    const choice = chooseRoute({ model, providers, health, tried: state.attempts, nowMs });
    const provider = choice.chosen && providers.get(choice.chosen.provider);
    if (choice.chosen && provider) {
      const claimed = await claim(
        job,
        { ...loaded, state },
        model,
        choice.chosen,
        provider,
        choice,
      );
      if (claimed !== 'conflict') return claimed;
      continue;
    }
    const full = choice.candidates.some(({ skipped }) => skipped === 'bulkhead_full');
    const waitMs = (choice.waitUntilMs ?? Infinity) - nowMs;
    if (!full && waitMs > REST_WAIT_MAX_MS) return giveUp(job, 'MODEL_UNAVAILABLE');
    await pool.changed(Math.max(waitMs, 10));
  }
}

/** A place is taken before the claim, so that the deadline never runs while waiting for one. */
async function claim(
  { infra, pool, attempts, executionId, cause }: Job,
  loaded: Loaded<Pending>,
  model: Model,
  route: Route,
  provider: Provider,
  { candidates }: RouteChoice,
): Promise<string> {
  const { resume, request, attempts: earlier } = loaded.state;
  const attempt = earlier.length + 1;
  const place = pool.take(provider);
  const atMs = infra.now();
  const deadlineMs = atMs + provider.timeoutMs + RECOVERY_SLACK_MS;
  const dispatchKey = resume?.dispatchKey ?? `${executionId}.${attempt}`;
  const command: Execution.Command = {
    type: 'Dispatch',
    provider: provider.slug,
    route: route.name,
    dispatchKey,
    deadline: new Date(deadlineMs).toISOString(),
    candidates,
    at: new Date(atMs).toISOString(),
  };
  try {
    const result = await decideOnce<
      Execution.State,
      Execution.Command,
      Execution.Event,
      Execution.Rejection
    >(infra.store, Execution, executionId, loaded, command, cause);
    if (result.outcome !== 'accepted') {
      place.release('neutral', 0);
      return result.outcome === 'rejected' ? 'not_dispatchable' : result.outcome;
    }
  } catch (error) {
    place.release('neutral', 0);
    throw error;
  }
  attempts.start({ request, attempt, route, provider, model, dispatchKey, deadlineMs, place });
  return 'dispatched';
}

async function giveUp({ infra, executionId, cause }: Job, code: 'MODEL_UNAVAILABLE') {
  const at = new Date(infra.now()).toISOString();
  await transact(infra.store, Execution, executionId, { type: 'Fail', code, at }, cause);
  return 'gave_up';
}
