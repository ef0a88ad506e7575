/** One attempt at a delivery, from the decision that it is due to the record of what came of it. */
import type { DeliveryScheduled } from '../../contracts/events/delivery.js';
import type { DeliveryId, ExecutionId } from '../../contracts/ids.js';
import * as Delivery from '../../domain/delivery/delivery.js';
import type { WebhookSettings } from '../../domain/webhook-endpoint/webhook-settings.js';
import type { CommandMetadata } from '../../command-handling/command-metadata.js';
import type { Loaded, LoadOptions } from '../../command-handling/repository.js';
import type { Ending } from '../../infra/concurrency/fair-starts.js';
import { retryOnOutage } from '../../infra/event-store/outage.js';
import type { Infra } from '../../runtime/infra.js';
import { metadataOf } from '../command-metadata.js';
import { disableGone } from './disable-endpoint.js';
import { post, type Given, type PostResult } from './post.js';

export type Waiting = Extract<Delivery.State, { status: 'waiting' }>;

type Scheduled = DeliveryScheduled['data'];

/** What is not in the log yet. */
export interface Fresh {
  readonly scheduled: Scheduled;
  readonly body: string;
  readonly metadata: CommandMetadata;
  /** As the organization set up its webhooks a moment ago. */
  readonly settings: WebhookSettings | undefined;
}

export interface First extends Fresh {
  /** It is in the log: nothing gets lost any more. */
  readonly scheduledIs: () => void;
  readonly scheduledIsNot: (error: unknown) => void;
}

interface Made {
  /** A word for the log. */
  readonly outcome: string;
  readonly ending: Ending;
  /** Of an event of an execution that was sent. */
  readonly executionId?: ExecutionId | undefined;
}

interface Posted {
  readonly result: PostResult;
  readonly latencyMs: number;
}

/** A receiver that answers within it is usual. */
const SCHEDULED_AFTER_MS = 250;

/**
 * What is answered at once is in the log with one append. What is not is scheduled first, so that
 * it is seen, and keeps no notification from being processed.
 */
export async function makeFirst(infra: Infra, fresh: First, cut: AbortSignal): Promise<Made> {
  const { scheduled, metadata } = fresh;
  let scheduling: Promise<unknown> | undefined;
  const scheduleNow = () => {
    scheduling = retryOnOutage(() => schedule(infra, fresh), cut);
    scheduling.then(fresh.scheduledIs, fresh.scheduledIsNot);
    return scheduling;
  };
  const timer = setTimeout(() => void scheduleNow().catch(() => undefined), SCHEDULED_AFTER_MS);
  const posted = await posting(infra, scheduled, fresh, cut).finally(() => clearTimeout(timer));
  if (isCut(posted.result)) {
    await (scheduling ?? scheduleNow());
    return CUT;
  }
  await scheduling;
  const { deliveries } = infra;
  if (!scheduling) {
    const unwritten = deliveries.unwritten(scheduled.deliveryId);
    const first = await retryOnOutage(
      () => deliveries.decide(unwritten, firstOf(infra, scheduled, posted), metadata),
      cut,
    );
    fresh.scheduledIs();
    if (first.outcome === 'accepted') return madeOf(infra, first.state, posted);
  }
  // It is scheduled: by this process or, as its notification came twice, by another.
  const loaded = await deliveries.load(scheduled.deliveryId);
  const { state } = loaded;
  if (state.status !== 'waiting' || state.attempts > 0)
    return { outcome: 'scheduled_before', ending: endingOf(posted.result) };
  return recordOf(infra, { ...loaded, state }, posted, cut);
}

/** Alone, without an attempt. As it is then, or was already. */
export async function schedule(
  { deliveries }: Infra,
  { scheduled, metadata }: Fresh,
): Promise<Loaded<Delivery.State>> {
  const { deliveryId } = scheduled;
  const command = { type: 'Schedule', data: scheduled } as const;
  const first = await deliveries.decide(deliveries.unwritten(deliveryId), command, metadata);
  return first.outcome === 'accepted' ? first : deliveries.load(deliveryId);
}

interface Due {
  readonly due: Loaded<Waiting> | DeliveryId;
  /** 0 where its state in memory is the newest. */
  readonly atLeast: number | undefined;
  readonly bodyOf: (scheduled: Scheduled) => string | undefined;
  /** Its endpoint answered nothing lately. */
  readonly hangs: boolean;
  readonly cut: AbortSignal;
}

export async function makeDue(
  infra: Infra,
  { due, atLeast, bodyOf, hangs, cut }: Due,
): Promise<Made> {
  const loaded = typeof due === 'string' ? await dueNow(infra, due, { atLeast }) : due;
  if (typeof loaded === 'string') return { outcome: loaded, ending: 'unknown' };
  const { scheduled, round } = loaded.state;
  const isTooLate = infra.now() > Date.parse(round.since) + Delivery.AGE_MAX_MS;
  const posted =
    isTooLate && hangs
      ? { result: tooLate, latencyMs: 0 }
      : await posting(infra, scheduled, { body: bodyOf(scheduled) }, cut);
  const made = isCut(posted.result) ? CUT : await recordOf(infra, loaded, posted, cut);
  return { ...made, executionId: scheduled.executionId };
}

/** The delivery, when an attempt is due; else the word that says why not. */
export async function dueNow(
  { deliveries, now }: Infra,
  deliveryId: DeliveryId,
  options?: LoadOptions,
): Promise<Loaded<Waiting> | string> {
  const loaded = await deliveries.load(deliveryId, options);
  const { state } = loaded;
  if (state.status !== 'waiting') return `already_${state.status}`;
  return Date.parse(state.nextAttemptAt) > now() ? 'not_due' : { ...loaded, state };
}

async function posting(
  infra: Infra,
  scheduled: Scheduled,
  given: Given,
  cut: AbortSignal,
): Promise<Posted> {
  const startedAtMs = performance.now();
  const result = await post(infra, scheduled, given, cut);
  return { result, latencyMs: Math.round(performance.now() - startedAtMs) };
}

/** A cut attempt says nothing about the receiver: its timer tries again. */
const CUT: Made = { outcome: 'cut', ending: 'unknown' };
const isCut = (result: PostResult): boolean =>
  result.kind === 'failed' && result.reason === 'aborted';

/** The backlog of an endpoint that never answers ends, though its turn came too late. */
const tooLate: PostResult = { kind: 'failed', reason: 'its endpoint hangs' };

function endingOf(result: PostResult): Ending {
  if (result === tooLate || result.kind === 'stopped') return 'unknown';
  return result.kind === 'failed' && result.reason === 'timeout' ? 'hung' : 'answered';
}

function firstOf(infra: Infra, data: Scheduled, { result, latencyMs }: Posted): Delivery.Command {
  if (result.kind === 'stopped') return { type: 'ScheduleStopped', data, cause: result.cause };
  return { type: 'ScheduleAttempted', data, result, latencyMs, ...momentOf(infra) };
}

function nextOf(
  infra: Infra,
  { attempts }: Waiting,
  { result, latencyMs }: Posted,
): Delivery.Command {
  const { jitter, at } = momentOf(infra);
  if (result.kind === 'stopped') return { type: 'Stop', cause: result.cause, at };
  return { type: 'RecordAttempt', attempt: attempts + 1, result, latencyMs, jitter, at };
}

const momentOf = ({ now }: Infra) => ({
  jitter: Math.random(),
  at: new Date(now()).toISOString(),
});

async function recordOf(
  infra: Infra,
  loaded: Loaded<Waiting>,
  posted: Posted,
  cut: AbortSignal,
): Promise<Made> {
  // Each try is a decision of its own: after an outage the event says when it was recorded.
  const state = await retryOnOutage(
    () => record(infra, loaded, nextOf(infra, loaded.state, posted)),
    cut,
  );
  return madeOf(infra, state, posted);
}

async function record(
  { deliveries }: Infra,
  loaded: Loaded<Waiting>,
  command: Delivery.Command,
): Promise<Delivery.State> {
  const { deliveryId, executionId } = loaded.state.scheduled;
  const metadata = metadataOf('deliver-webhooks', executionId ?? deliveryId, deliveryId);
  const first = await deliveries.decide(loaded, command, metadata);
  if (first.outcome !== 'conflict') return first.state;
  return (await deliveries.transact(deliveryId, command, metadata)).state;
}

async function madeOf(
  infra: Infra,
  state: Delivery.State,
  { result, latencyMs }: Posted,
): Promise<Made> {
  const outcome = state.status === 'waiting' ? 'failed' : state.status;
  if (result.kind !== 'stopped')
    infra.metrics.webhookSeconds.observe({ outcome }, latencyMs / 1000);
  if (result.kind === 'answered' && result.status === GONE && state.status === 'exhausted')
    await disableGone(infra, state.scheduled, result.url);
  return { outcome, ending: endingOf(result) };
}

const GONE = 410;
