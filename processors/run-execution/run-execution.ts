/**
 * A requested (or failed, or doubtful) execution is claimed for one attempt on one route; the call
 * itself runs outside the handler. The claim is an event, so that of all competitors one calls.
 *
 *   read ──► choose a route ──►  take a slot ──► read the input ──► claim ──► call, outside
 *    ▲            │ all full, or resting               │              │ conflict
 *    │            ▼                                    │ gone         │
 *    ├────── waiting room                              │              │
 *    │            │ rested for too long, or no route   │              │
 *    │            └──► ExecutionFailed ◄───────────────┘              │
 *    └────────────────────────────────────────────────────────────────┘
 */
import { randomUUID } from 'node:crypto';
import type { Model, Provider, Route } from '../../contracts/catalogue/catalogue.js';
import type { CanonicalCode } from '../../contracts/error-codes.js';
import type { ExecutionId, OrganizationId } from '../../contracts/ids.js';
import { idOf } from '../../contracts/streams.js';
import { doubtsOf, keyFor } from '../../domain/execution/doubt.js';
import type * as Execution from '../../domain/execution/execution.js';
import { modelsOf } from '../../domain/execution/model-tried.js';
import { chooseModel, isFull, type ModelInput } from '../../domain/routing/choose-model.js';
import type { RouteChoice } from '../../domain/routing/choose-route.js';
import { queueNameOf } from '../../domain/routing/waiting-queue.js';
import type { CommandMetadata } from '../../command-handling/command-metadata.js';
import type { Loaded } from '../../command-handling/repository.js';
import type { Deferral, Group } from '../../infra/event-bus/port.js';
import { retryOnOutage } from '../../infra/event-store/outage.js';
import type { WaitingExecution } from '../../infra/waiting-executions/port.js';
import type { Worker } from '../../infra/worker.js';
import type { Infra } from '../../runtime/infra.js';
import { metadataOf } from '../command-metadata.js';
import { cancelJobOf } from '../poll-provider-jobs/cancel-provider-job.js';
import type { AcceptedJobs } from './accepted-jobs.js';
import { tokensOf } from './account-limits.js';
import { inputOf, wordsOf } from './input.js';
import { openProviderCalls, type ProviderCalls } from './provider-calls.js';
import { openProviderPool, type ProviderPool, type ProviderSlot } from './provider-pool.js';
import type { Calling } from './route-circuits.js';
import { secondsOf } from './record-outcome.js';
import { openKnownRoutes, openRouteSlot, type KnownRoutes, type RouteSlot } from './route-slots.js';
import { sharedCircuits } from './shared-circuits.js';
import { WAITING_SETTINGS, type Start, type WaitingSettings } from './waiting-entry.js';
import { openWaitingRoom } from './waiting-room.js';
import { openWaitingRows } from './waiting-rows.js';

export interface RunExecution {
  readonly group: Group;
  readonly circuits: Worker;
  /** What a timer does when a failed attempt may be followed by the next one. */
  advance(
    executionId: ExecutionId,
    metadata: CommandMetadata,
    signal: AbortSignal,
  ): Promise<{ readonly outcome: string; readonly againInMs?: number }>;
  /** What this provider delivered cannot be fetched: that counts as a failure of it. */
  undelivered(provider: string, calling: Calling): void;
  /** Resolves when no call is in flight; after `waitMs` the rest is cut and recovered later. */
  drain(waitMs: number): Promise<void>;
}

/** Executions that are read and claimed at one time. */
const HANDLERS_MAX = 512;
/**
 * The call must end this long before others may take its attempt over. It covers the recording of
 * what came of it, and clocks that differ by a few seconds between processes.
 */
const RECOVERY_SLACK_MS = 5_000;
/** When the timer of an attempt that waits looks again: whoever waits is brought back before. */
const WAITING_TIMER_MS = 10 * 60_000;

export function openRunExecution(
  infra: Infra,
  jobs: AcceptedJobs,
  settings: WaitingSettings = WAITING_SETTINGS,
): RunExecution {
  const { metrics } = infra;
  const pool = openProviderPool(metrics, infra.now);
  const known = openKnownRoutes(infra, pool);
  const calls = openProviderCalls(infra, jobs);
  const given = { infra, pool, known, calls };
  const rows = openWaitingRows(infra.waiting, infra.instance, settings.takenMs);
  const start = async (waiting: WaitingExecution, how: Start, signal: AbortSignal) => {
    const { executionId, cause, sinceMs } = waiting;
    const metadata = metadataOf('run-execution', executionId, cause);
    const advanced = await advance({ executionId, metadata, signal, how, ...given });
    const outcome = typeof advanced === 'string' ? advanced : 'waiting';
    metrics.handled.inc({ group: 'run-execution/waiting', outcome });
    return typeof advanced === 'string' ? undefined : { ...advanced, sinceMs };
  };
  const weightOf = (organizationId: OrganizationId) => infra.quotas.of(organizationId).weight;
  const room = openWaitingRoom({ infra, pool, ...known, rows, settings, weightOf, start });
  return {
    circuits: sharedCircuits(infra, pool),
    async advance(executionId, metadata, signal) {
      const advanced = await advance({ executionId, metadata, signal, ...given });
      if (typeof advanced === 'string') return { outcome: advanced };
      await rows.add(advanced);
      room.found(advanced);
      return { outcome: 'waiting', againInMs: WAITING_TIMER_MS };
    },
    undelivered(slug, calling) {
      const provider = infra.catalogue.current().providers.get(slug);
      if (provider) pool.take(provider, calling).release('failed', 0);
    },
    async drain(waitMs) {
      await room.idle();
      await calls.drain(waitMs);
      await known.slots.close();
      jobs.close();
    },
    group: {
      name: 'run-execution',
      categories: ['execution'],
      subscribesTo: [
        'ExecutionRequested',
        'ProviderFailed',
        'ProviderOutcomeUnknown',
        'ExecutionCancelled',
        'ExecutionExpired',
      ],
      concurrencyMax: HANDLERS_MAX,
      attemptsMax: 30,
      begin: (signal) => room.open(signal),
      async handle(notification, signal): Promise<string | Deferral> {
        const { type, stream, revision } = notification;
        const executionId = idOf(stream) as ExecutionId;
        if (type === 'ExecutionCancelled' || type === 'ExecutionExpired') {
          room.leave(executionId);
          calls.callOff(executionId);
          return callOff(infra, jobs, executionId, revision);
        }
        const metadata = metadataOf('run-execution', executionId, notification);
        const job = { executionId, metadata, signal, ...given };
        const advanced = await advance(job, revision);
        if (typeof advanced === 'string') return advanced;
        return { outcome: 'waiting', processed: room.join(advanced, revision) };
      },
    },
  };
}

type Pending = Extract<Execution.State, { status: 'pending' }>;

interface Job {
  readonly infra: Infra;
  readonly pool: ProviderPool;
  readonly known: KnownRoutes;
  readonly calls: ProviderCalls;
  readonly executionId: ExecutionId;
  readonly metadata: CommandMetadata;
  readonly signal: AbortSignal;
  /** Of one that comes from the waiting room. */
  readonly how?: Start;
}

/** A word for what was done, or how the execution waits for a provider. */
type Advanced = string | WaitingExecution;

/** Throws when the process stops before anything was claimed. */
async function advance(job: Job, atLeast = job.how?.revision): Promise<Advanced> {
  const { executions } = job.infra;
  let loaded = await executions.load(job.executionId, { atLeast });
  for (;;) {
    const { state } = loaded;
    if (state.status !== 'pending') return `already_${state.status}`;
    const done = await dispatch(job, { ...loaded, state });
    if (done !== 'conflict') return done;
    loaded = await executions.load(job.executionId);
  }
}

async function dispatch(job: Job, loaded: Loaded<Pending>): Promise<Advanced> {
  const { infra, pool, signal, how } = job;
  const { request, notBefore, attempts: tried } = loaded.state;
  if (signal.aborted) throw new Error('stopping before a route was chosen');
  const nowMs = infra.now();
  if (notBefore && Date.parse(notBefore) > nowMs) return 'not_before';
  if (Date.parse(request.expiresAt) <= nowMs) return 'about_to_expire';
  const models = await modelsOfRequest(infra, request);
  const { limits, slots, observations } = job.known;
  const asking = slots.ask(models);
  if (asking) await asking;
  const { providers } = infra.catalogue.current();
  how?.beforeChoice();
  const { require, estimatedUsage: usage, organizationId: organization } = request;
  const next = chooseModel(models, {
    providers,
    health: pool.health(),
    circuits: pool.routes(),
    observations,
    slotsOf: (one) => slots.of(one),
    hasRoom: (one) => limits.hasRoom(one, tokensOf(usage ?? {})),
    organization,
    usage,
    seed: job.executionId,
    tried,
    nowMs,
    require,
  });
  const { model, choice = NO_CHOICE } = next ?? {};
  const route = choice.chosen;
  const provider = route && providers.get(route.provider);
  if (model && route && provider) {
    const words = models.find((one) => one.model === model)?.input;
    return claim(job, loaded, { model, route, provider, words, candidates: choice.candidates });
  }
  const doubts = doubtsOf(tried);
  const { restsUntilMs = 0 } = choice;
  const isHopeless = restsUntilMs >= Date.parse(request.expiresAt);
  if (!model || choice.waitsFor.length === 0 || isHopeless || (how?.isLate && !isFull(choice))) {
    const code = doubts.length > 0 ? 'GENERATION_TIMEOUT' : codeOf(choice);
    return giveUp(job, loaded, code, restsUntilMs > nowMs ? restsUntilMs - nowMs : undefined);
  }
  const isBound = choice.waitsFor.every((slug) => doubts.some((one) => one.provider === slug));
  return {
    executionId: job.executionId,
    organizationId: request.organizationId,
    queue: queueNameOf(choice, model, isBound),
    cause: job.metadata.causationId,
    sinceMs: nowMs,
  };
}

const NO_CHOICE: RouteChoice = { candidates: [], waitsFor: [] };

/** As the catalogue in force has them; the input is read where a route may not be able to do it. */
async function modelsOfRequest(
  infra: Infra,
  request: Pending['request'],
): Promise<readonly ModelInput[]> {
  const { models } = infra.catalogue.current();
  const found: ModelInput[] = [];
  for (const slug of modelsOf(request)) {
    const model = models.get(slug);
    if (!model) continue;
    const isChoosy = model.routes.some(({ capabilities }) => capabilities);
    found.push(isChoosy ? { model, input: await wordsOf(infra, model, request) } : { model });
  }
  return found;
}
const FAILING: ReadonlySet<string> = new Set(['breaker_open', 'breaker_probing', 'route_rests']);

/** Providers that ask for less are overloaded; those that fail, or are gone, are not available. */
function codeOf({ candidates }: RouteChoice): CanonicalCode {
  const reasons = candidates.map(({ skipped }) => skipped);
  const isFailing = reasons.some((reason) => reason !== undefined && FAILING.has(reason));
  return !isFailing && reasons.includes('throttled') ? 'MODEL_OVERLOADED' : 'MODEL_UNAVAILABLE';
}

interface Chosen {
  readonly model: Model;
  readonly route: Route;
  readonly provider: Provider;
  /** Read where the route was chosen by it. */
  readonly words: ModelInput['input'];
  readonly candidates: RouteChoice['candidates'];
}

/** A slot is taken before the claim, so that the deadline never runs while waiting for one. */
async function claim(job: Job, loaded: Loaded<Pending>, chosen: Chosen): Promise<string> {
  const { state } = loaded;
  const { executionId, organizationId, estimatedUsage = {} } = state.request;
  const { dispatchKey, account } = keyOf(state, chosen);
  const taken = job.pool.take(chosen.provider, {
    route: chosen.route.name,
    organization: organizationId,
    execution: executionId,
  });
  const tokens = tokensOf(estimatedUsage);
  const place = openRouteSlot(job.known, taken, { tokens, account, ...chosen });
  const { slot, provider } = place;
  let isCalling = false;
  try {
    const input = await inputOf(job.infra, state.request, { ...chosen, provider });
    if (typeof input === 'string') return await giveUp(job, loaded, input);
    const claimedAtMs = performance.now();
    const result = await appendClaim(job, loaded, chosen, { dispatchKey, ...place });
    if (result.outcome === 'rejected') return `not_dispatchable_${result.reason}`;
    if (result.outcome !== 'accepted') return result.outcome;
    const { state: current } = result;
    if (current.status !== 'processing') throw new Error(`a claim led to '${current.status}'`);
    isCalling = true;
    const { id, revision } = result;
    const claimed = { id, revision, state: current };
    const { model, route } = chosen;
    job.calls.start({ model, route, provider, claimed, claimedAtMs, input, slot });
    return 'dispatched';
  } finally {
    if (!isCalling) letGo(slot);
  }
}

/**
 * The claim of a lost answer is made again under the same event ids: if it had landed, it is ours.
 * Otherwise an attempt that was never made would have to be taken for one whose end is unknown.
 */
async function appendClaim(
  { infra, metadata, signal }: Job,
  loaded: Loaded<Pending>,
  { model, route, candidates }: Chosen,
  { provider, account, dispatchKey }: RouteSlot & { readonly dispatchKey: string },
) {
  const atMs = infra.now();
  const deadlineMs = atMs + provider.timeoutMs + RECOVERY_SLACK_MS;
  const command: Execution.Command = {
    type: 'Dispatch',
    provider: provider.slug,
    route: route.name,
    ...(account !== undefined && { account }),
    ...(model.slug !== loaded.state.request.model && { model: model.slug }),
    ...(route.promises?.region !== undefined && { region: route.promises.region }),
    dispatchKey,
    candidates,
    unknownMaxCost: model.unknownMaxCost,
    deadline: new Date(deadlineMs).toISOString(),
    at: new Date(atMs).toISOString(),
  };
  const along = { token: randomUUID() };
  const append = () => infra.executions.decide(loaded, command, metadata, along);
  return retryOnOutage(append, signal);
}

/** The key of the attempt that is made again, with its account, or a new one. */
function keyOf({ request, attempts }: Pending, { model, provider, route }: Chosen) {
  const target = { provider: provider.slug, route: route.name };
  const key = keyFor(attempts, target, model.unknownMaxCost);
  const again = attempts.find(({ dispatchKey }) => dispatchKey === key);
  const dispatchKey = again?.dispatchKey ?? `${request.executionId}.${attempts.length + 1}`;
  return { dispatchKey, account: again?.account };
}

/** No call was made. */
const letGo = (slot: ProviderSlot): void => slot.release('neutral', 0, undefined, 0);

/** Nobody waits for the execution any more: its provider may stop, and its slot is free. */
async function callOff(
  infra: Infra,
  jobs: AcceptedJobs,
  executionId: ExecutionId,
  atLeast: number,
): Promise<string> {
  const { state } = await infra.executions.load(executionId, { atLeast });
  const last = 'attempts' in state ? state.attempts.at(-1) : undefined;
  if (last) jobs.end(executionId, last.attempt, 'neutral');
  return cancelJobOf(infra, state);
}

/** Only as the execution was read: where another process has claimed it since, it goes on. */
async function giveUp(
  { infra, executionId, metadata }: Job,
  loaded: Loaded<Pending>,
  code: CanonicalCode,
  retryAfterMs?: number,
): Promise<string> {
  const at = new Date(infra.now()).toISOString();
  const advice = retryAfterMs !== undefined && { retryAfterSeconds: secondsOf(retryAfterMs) };
  const command: Execution.Command = { type: 'Fail', code, ...advice, at };
  const { outcome } = await infra.executions.decide(loaded, command, metadata);
  if (outcome !== 'accepted') return outcome;
  infra.log.info({ executionId, code }, 'an execution was given up before it was dispatched');
  return 'gave_up';
}
