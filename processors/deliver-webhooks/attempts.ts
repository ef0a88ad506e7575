/**
 * Attempts to deliver, in the background: wait for permits, sign, post, record the result. What
 * waits costs a line in memory; past the places there, only the row of its timer, from which it
 * comes back (due-deliveries.ts). An attempt that was cut is made by its timer too.
 */
import type { ExecutionEvent } from '../../contracts/events/execution.js';
import type { DeliveryScheduled } from '../../contracts/events/delivery.js';
import type { DeliveryId, ExecutionId, OrganizationId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import * as Delivery from '../../domain/delivery/delivery.js';
import type { Loaded } from '../../command-handling/repository.js';
import { readEvents } from '../../command-handling/streams.js';
import { isOutage, retryOnOutage } from '../../infra/event-store/outage.js';
import {
  openFairStarts,
  type Backlog,
  type Destination,
  type Ending,
  type FairStarts,
} from '../../infra/concurrency/fair-starts.js';
import { endpointOf } from '../../infra/read-store/due-deliveries.js';
import type { Infra } from '../../runtime/infra.js';
import type { OutboundResult } from '../../http/client/outbound.js';
import { metadataOf } from '../command-metadata.js';
import { bodyOf } from './body.js';
import { recipientOf } from './recipient.js';
import { signatureHeaders } from './sign.js';

export interface DeliveryAttempts {
  /** `body` spares the reading of what the caller has just read, if the attempt starts at once. */
  start(loaded: Loaded<Waiting>, body?: string): Started;
  /** In order not to be given what waits already, or could not wait. */
  backlog(): Backlog<{ readonly deliveryId: DeliveryId }>;
  /** Attempts that run now. */
  running(): Iterable<DeliveryId>;
  drain(waitMs: number): Promise<void>;
}

export type Started = 'started' | 'waiting' | 'in_flight' | 'no_place' | 'stopping';

export type Waiting = Extract<Delivery.State, { status: 'waiting' }>;

interface Attempt extends Destination {
  readonly deliveryId: DeliveryId;
  readonly executionId: ExecutionId;
  /** Given up when the attempt has to wait. */
  due: Due | undefined;
}

interface Due {
  readonly loaded: Loaded<Waiting>;
  readonly body: string | undefined;
}

interface Attempts {
  readonly infra: Infra;
  readonly starts: FairStarts<Attempt>;
  /** Those that run, and those that wait. */
  readonly known: Set<DeliveryId>;
  readonly running: Map<DeliveryId, Promise<void>>;
  readonly cut: AbortSignal;
}

const TIMEOUT_MS = 30_000;
/**
 * Sockets. One organization gets at most half of them, and of one host. Five hundred bytes or so a
 * place.
 */
const LIMITS = {
  permits: 1_024,
  perHostMax: 128,
  perEndpointMax: 16,
  placesMax: 20_000,
  placesPerEndpointMax: 1_000,
};
/** Of an organization: enough for the time until more are looked for. */
const READY_MAX = 256;
/** What a receiver or a certificate can make of a reason. */
const REASON_MAX = 200;

export function openDeliveryAttempts(infra: Infra): DeliveryAttempts {
  const stopping = new AbortController();
  const cut = new AbortController();
  const starts = openFairStarts<Attempt>(LIMITS);
  const known = new Set<DeliveryId>();
  const attempts: Attempts = { infra, starts, known, running: new Map(), cut: cut.signal };
  return {
    start(loaded, body) {
      const { deliveryId, executionId, organizationId, url } = loaded.state.scheduled;
      if (stopping.signal.aborted) return 'stopping';
      if (known.has(deliveryId)) return 'in_flight';
      const destination = destinationOf(organizationId, url);
      const attempt: Attempt = { ...destination, deliveryId, executionId, due: { loaded, body } };
      if (!starts.add(attempt)) return 'no_place';
      known.add(deliveryId);
      startReady(attempts);
      if (attempts.running.has(deliveryId)) return 'started';
      attempt.due = undefined;
      return 'waiting';
    },
    backlog: () => starts.backlog(READY_MAX),
    running: () => attempts.running.keys(),
    async drain(waitMs) {
      stopping.abort();
      starts.clear();
      const timer = setTimeout(() => cut.abort(), waitMs);
      while (attempts.running.size > 0) await Promise.all(attempts.running.values());
      clearTimeout(timer);
    },
  };
}

/** What is no URL is refused when it is posted. */
function destinationOf(organizationId: OrganizationId, url: string): Destination {
  const host = URL.canParse(url) ? new URL(url).host : url;
  return { organizationId, host, endpoint: endpointOf(organizationId, url) };
}

function startReady(attempts: Attempts): void {
  const { starts, known, running } = attempts;
  for (let attempt = starts.next(); attempt; attempt = starts.next()) {
    const started = attempt;
    const { deliveryId } = started;
    const run = make(attempts, started).then((ending) => {
      known.delete(deliveryId);
      running.delete(deliveryId);
      starts.ended(started, ending);
      startReady(attempts);
    });
    running.set(deliveryId, run);
  }
}

interface Made {
  /** A word for the log. */
  readonly outcome: string;
  readonly ending: Ending;
}

/** Never rejects. */
async function make(attempts: Attempts, attempt: Attempt): Promise<Ending> {
  const { infra } = attempts;
  const { deliveryId, executionId, due } = attempt;
  try {
    const loaded = due?.loaded ?? (await dueNow(infra, deliveryId));
    const { outcome, ending } =
      typeof loaded === 'string'
        ? { outcome: loaded, ending: 'unknown' as const }
        : await postAndRecord(attempts, loaded, attempt);
    infra.log.debug({ executionId, deliveryId, outcome }, 'webhook');
    return ending;
  } catch (err) {
    const message = 'an attempt to deliver was not recorded; its timer tries again';
    infra.log.warn({ executionId, deliveryId, err }, message);
    return 'unknown';
  }
}

/** The delivery, when an attempt is due; else the word that says why not. */
export async function dueNow(
  { deliveries, now }: Infra,
  deliveryId: DeliveryId,
): Promise<Loaded<Waiting> | string> {
  const loaded = await deliveries.load(deliveryId);
  const { state } = loaded;
  if (state.status !== 'waiting') return `already_${state.status}`;
  return Date.parse(state.nextAttemptAt) > now() ? 'not_due' : { ...loaded, state };
}

async function postAndRecord(
  { infra, starts, cut }: Attempts,
  loaded: Loaded<Waiting>,
  attempt: Attempt,
): Promise<Made> {
  const { scheduled } = loaded.state;
  const startedAtMs = performance.now();
  const isTooLate = infra.now() > Date.parse(scheduled.at) + Delivery.AGE_MAX_MS;
  const result =
    isTooLate && starts.hangs(attempt)
      ? tooLate
      : await resultOf(infra, scheduled, attempt.due?.body, cut);
  // A cut attempt says nothing about the receiver: its timer tries again.
  if (result.kind === 'failed' && result.reason === 'aborted')
    return { outcome: 'cut', ending: 'unknown' };
  const latencyMs = Math.round(performance.now() - startedAtMs);
  const jitter = Math.random();
  const command = (): Delivery.Command => ({
    type: 'RecordAttempt',
    attempt: loaded.state.attempts + 1,
    result,
    latencyMs,
    jitter,
    at: new Date(infra.now()).toISOString(),
  });
  // Each try is a decision of its own: after an outage the event says when it was recorded.
  const state = await retryOnOutage(() => record(infra, loaded, command()), cut);
  const outcome = state.status === 'waiting' ? 'failed' : state.status;
  infra.metrics.webhookSeconds.observe({ outcome }, latencyMs / 1000);
  return { outcome, ending: endingOf(result) };
}

function endingOf(result: Delivery.AttemptResult): Ending {
  if (result === tooLate) return 'unknown';
  return result.kind === 'failed' && result.reason === 'timeout' ? 'hung' : 'answered';
}

/** The backlog of an endpoint that never answers ends, though its turn came too late. */
const tooLate: Delivery.AttemptResult = { kind: 'failed', reason: 'its endpoint hangs' };

/** Every end is a result; only an outage of the store, which is no end, is thrown. */
async function resultOf(
  infra: Infra,
  scheduled: DeliveryScheduled['data'],
  given: string | undefined,
  signal: AbortSignal,
): Promise<Delivery.AttemptResult> {
  try {
    const body = given ?? (await readBody(infra, scheduled));
    return answerOf(await post(infra, scheduled, body, signal), infra.now());
  } catch (err) {
    if (isOutage(err)) throw err;
    const { deliveryId, executionId } = scheduled;
    infra.log.error({ deliveryId, executionId, err }, 'an attempt to deliver met a defect of ours');
    return { kind: 'failed', reason: 'internal error' };
  }
}

const readBody = async ({ store }: Infra, scheduled: DeliveryScheduled['data']) =>
  bodyOf(
    scheduled,
    await readEvents<ExecutionEvent>(store, streamOf('execution', scheduled.executionId)),
  );

async function post(
  infra: Infra,
  scheduled: DeliveryScheduled['data'],
  body: string,
  signal: AbortSignal,
): Promise<OutboundResult> {
  const recipient = await recipientOf(infra, scheduled);
  if (recipient.kind !== 'reachable')
    return { kind: 'refused', reason: `its endpoint is ${recipient.kind}` };
  const { url, headers, secrets } = recipient;
  const { eventId } = scheduled;
  const timestampSeconds = Math.floor(infra.now() / 1000);
  return infra.outbound.request({
    method: 'POST',
    url,
    headers: {
      ...headers,
      'content-type': 'application/json',
      'user-agent': 'ModelRoute-Webhooks/1.0',
      ...signatureHeaders({ eventId, body, secrets, timestampSeconds }),
    },
    body,
    timeoutMs: TIMEOUT_MS,
    signal,
  });
}

async function record(
  { deliveries }: Infra,
  loaded: Loaded<Waiting>,
  command: Delivery.Command,
): Promise<Delivery.State> {
  const { deliveryId, executionId } = loaded.state.scheduled;
  const metadata = metadataOf('deliver-webhooks', executionId, deliveryId);
  const first = await deliveries.decide(loaded, command, metadata);
  if (first.outcome !== 'conflict') return first.state;
  return (await deliveries.transact(deliveryId, command, metadata)).state;
}

function answerOf(result: OutboundResult, nowMs: number): Delivery.AttemptResult {
  switch (result.kind) {
    case 'answered': {
      const retryAfterMs = retryAfterOf(result.headers['retry-after'], nowMs);
      return { kind: 'answered', status: result.status, ...(retryAfterMs && { retryAfterMs }) };
    }
    case 'refused':
      return { kind: 'refused', reason: result.reason.slice(0, REASON_MAX) };
    case 'failed':
      return { kind: 'failed', reason: result.reason };
  }
}

/** RFC 9110: seconds or an HTTP date; what is neither is ignored. */
function retryAfterOf(text: string | undefined, nowMs: number): number | undefined {
  if (!text) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return ms > 0 ? ms : undefined;
}
