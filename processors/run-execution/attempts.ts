/**
 * The calls in flight: each performs one claimed attempt and records its outcome as an event. A
 * call that this process does not live to record is recovered when its deadline passes.
 */
import type { Model, Provider, Route } from '../../contracts/catalogue/catalogue.js';
import type { ExecutionRequested } from '../../contracts/events/execution.js';
import type { ExecutionId } from '../../contracts/ids.js';
import * as Execution from '../../domain/execution/execution.js';
import { endingOf } from '../../domain/routing/health.js';
import { retryDelayMs } from '../../domain/routing/backoff.js';
import { decideOnce, load, type Cause } from '../../infra/deciding/transact.js';
import type { Payload } from '../../infra/event-store/port.js';
import type { Infra } from '../../infra/infra.js';
import type { ProviderOutcome } from '../../infra/providers/port.js';
import { causeOf } from '../cause.js';
import { withDefaults } from '../../domain/pricing/defaults.js';
import { inputFiles, type Input } from './input-files.js';
import { outputOf } from './output.js';
import type { Place } from './provider-pool.js';

export interface Attempt {
  readonly request: ExecutionRequested['data'];
  readonly attempt: number;
  readonly route: Route;
  readonly provider: Provider;
  readonly dispatchKey: string;
  readonly deadlineMs: number;
  readonly model: Model;
  readonly place: Place;
}

export interface Attempts {
  start(attempt: Attempt): void;
  drain(waitMs: number): Promise<void>;
}

/** Pauses between tries to record an outcome while the store is away. */
const RECORD_PAUSE_FIRST_MS = 50;
const RECORD_PAUSE_MAX_MS = 1_000;

export function openAttempts(infra: Infra): Attempts {
  const inFlight = new Set<Promise<void>>();
  const cut = new AbortController();
  return {
    start(attempt) {
      const run = perform(infra, attempt, cut.signal).catch((error: unknown) => {
        const { executionId } = attempt.request;
        infra.log.error({ executionId, err: error }, 'an attempt ended without being recorded');
      });
      inFlight.add(run);
      void run.finally(() => inFlight.delete(run));
    },
    async drain(waitMs) {
      const timer = setTimeout(() => cut.abort(), waitMs);
      while (inFlight.size > 0) await Promise.all(inFlight);
      clearTimeout(timer);
    },
  };
}

async function perform(infra: Infra, attempt: Attempt, signal: AbortSignal): Promise<void> {
  const { request, provider, place } = attempt;
  const startedAt = performance.now();
  let outcome: ProviderOutcome;
  try {
    outcome = await call(infra, attempt, signal);
  } catch (error) {
    place.release('neutral', 0);
    throw error;
  }
  const latencyMs = performance.now() - startedAt;
  const retryAfterMs = outcome.kind === 'failed' ? outcome.retryAfterMs : undefined;
  place.release(endingOf(outcome), latencyMs, retryAfterMs);
  const labels = { provider: provider.slug, outcome: outcome.kind };
  infra.metrics.attemptSeconds.observe(labels, latencyMs / 1000);
  // A cut call is not a provider's failure: its deadline decides, as after a crash.
  if (signal.aborted && outcome.kind === 'unknown') return;
  const recorded = await record(infra, attempt, outcome);
  const { executionId } = request;
  infra.log.debug(
    { executionId, attempt: attempt.attempt, ...labels, recorded, ms: Math.round(latencyMs) },
    'attempt',
  );
}

async function call(infra: Infra, attempt: Attempt, signal: AbortSignal): Promise<ProviderOutcome> {
  const { request, provider, route, model, dispatchKey } = attempt;
  const payload = await infra.payloads.get(request.input);
  if (!payload) {
    const detail = `the input payload ${request.input.ref} is gone`;
    return { kind: 'failed', code: 'INTERNAL_ERROR', retryable: false, ill: false, detail };
  }
  const input = withDefaults(model, JSON.parse(payload.toString('utf8')) as Input);
  const files = await inputFiles(infra, model, input);
  return infra.providers.adapter(provider.adapter).call({
    provider,
    providerModel: route.providerModel,
    modality: request.modality,
    input,
    ...(files.size > 0 && { files }),
    dispatchKey,
    timeoutMs: provider.timeoutMs,
    signal,
  });
}

/** The word of what was recorded. A paid result is worth trying again until others take over. */
async function record(infra: Infra, attempt: Attempt, outcome: ProviderOutcome): Promise<string> {
  const { executionId } = attempt.request;
  const cause = causeOf('run-execution', executionId, attempt.dispatchKey);
  const prepared = await prepare(infra, attempt, outcome);
  for (let pauseMs = RECORD_PAUSE_FIRST_MS; ; pauseMs = Math.min(pauseMs * 2, RECORD_PAUSE_MAX_MS))
    try {
      return await recordOnce(infra, executionId, prepared, cause);
    } catch (error) {
      if (infra.now() > attempt.deadlineMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
}

interface Prepared {
  readonly command: Execution.Command;
  readonly payload?: Payload;
}

async function recordOnce(
  infra: Infra,
  executionId: ExecutionId,
  { command, payload }: Prepared,
  cause: Cause,
): Promise<string> {
  for (;;) {
    const loaded = await load(infra.store, Execution, executionId);
    const result = await decideOnce(
      infra.store,
      Execution,
      executionId,
      loaded,
      command,
      cause,
      payload,
    );
    if (result.outcome === 'conflict') continue;
    return result.outcome === 'rejected' ? result.reason : command.type;
  }
}

async function prepare(
  infra: Infra,
  attempt: Attempt,
  outcome: ProviderOutcome,
): Promise<Prepared> {
  const at = new Date(infra.now()).toISOString();
  switch (outcome.kind) {
    case 'succeeded':
      return outputOf(infra, attempt, outcome, at);
    case 'failed':
      return { command: failureOf(attempt, outcome, at, infra.now()) };
    case 'unknown':
      return {
        command: {
          type: 'RecordUnknown',
          attempt: attempt.attempt,
          reason: outcome.detail,
          repeatable: attempt.provider.honoursIdempotencyKey,
          attemptsMax: attempt.model.attemptsMax,
          at,
        },
      };
  }
}

/** The next attempt goes to another route at once; back to the same one only after a pause. */
function failureOf(
  { attempt, model }: Attempt,
  outcome: Extract<ProviderOutcome, { kind: 'failed' }>,
  at: string,
  nowMs: number,
): Execution.Command {
  const { code, retryable, detail, retryAfterMs } = outcome;
  const delay = { failures: attempt, random: Math.random(), ...(retryAfterMs && { retryAfterMs }) };
  const notBefore = attempt === 1 ? undefined : new Date(nowMs + retryDelayMs(delay)).toISOString();
  const { attemptsMax } = model;
  const failure = { code, retryable, detail, attemptsMax, ...(notBefore && { notBefore }) };
  return { type: 'RecordFailure', attempt, failure, at };
}
