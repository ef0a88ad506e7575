/**
 * Attempts to deliver, in the background and in bounded number: take one of the host's permits,
 * sign, post, record the result. An attempt that found no permit or was cut is made by its timer.
 */
import type { ExecutionEvent } from '../../contracts/events/execution.js';
import type { DeliveryScheduled } from '../../contracts/events/delivery.js';
import type { DeliveryId, ExecutionId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import type * as Delivery from '../../domain/delivery/delivery.js';
import type { Loaded } from '../../command-handling/repository.js';
import { readEvents } from '../../command-handling/streams.js';
import { retryOnOutage } from '../../infra/event-store/outage.js';
import {
  createKeyedSemaphore,
  type KeyedSemaphore,
} from '../../infra/concurrency/keyed-semaphore.js';
import type { Infra } from '../../runtime/infra.js';
import type { OutboundResult } from '../../http/client/outbound.js';
import { metadataOf } from '../command-metadata.js';
import { bodyOf } from './body.js';
import { signatureHeaders } from './sign.js';

export interface DeliveryAttempts {
  /** `due` spares the reading of what the caller has just read or written. */
  start(deliveryId: DeliveryId, executionId: ExecutionId, due?: Due): Started;
  drain(waitMs: number): Promise<void>;
}

export type Started = 'started' | 'in_flight' | 'no_place' | 'stopping';

export interface Due {
  readonly loaded: Loaded<Waiting>;
  readonly body: string;
}

type Waiting = Extract<Delivery.State, { status: 'waiting' }>;

const TIMEOUT_MS = 30_000;
/** As many as the outbound client has connections to a host: no 30 s begin in a queue. */
const HOST_BUSY_MAX = 64;
const HOST_WAITING_MAX = 2_000;
/** Of all hosts, those that wait included; about 2 KB each. */
const IN_FLIGHT_MAX = 10_000;

export function openDeliveryAttempts(infra: Infra): DeliveryAttempts {
  const inFlight = new Map<DeliveryId, Promise<void>>();
  const hosts = createKeyedSemaphore(HOST_BUSY_MAX, HOST_WAITING_MAX);
  const stopping = new AbortController();
  const cut = new AbortController();
  const posting: Posting = { infra, hosts, cut: cut.signal };
  return {
    start(deliveryId, executionId, due) {
      if (stopping.signal.aborted) return 'stopping';
      if (inFlight.has(deliveryId)) return 'in_flight';
      if (inFlight.size >= IN_FLIGHT_MAX) return 'no_place';
      const run = attempt(posting, deliveryId, due).then(
        (outcome) => infra.log.debug({ executionId, deliveryId, outcome }, 'webhook'),
        (err: unknown) =>
          infra.log.warn(
            { executionId, deliveryId, err },
            'an attempt to deliver was not recorded; its timer tries again',
          ),
      );
      inFlight.set(
        deliveryId,
        run.finally(() => inFlight.delete(deliveryId)),
      );
      return 'started';
    },
    async drain(waitMs) {
      stopping.abort();
      hosts.close();
      const timer = setTimeout(() => cut.abort(), waitMs);
      while (inFlight.size > 0) await Promise.allSettled(inFlight.values());
      clearTimeout(timer);
    },
  };
}

interface Posting {
  readonly infra: Infra;
  /** A receiver that answers slowly, or never, keeps only deliveries to its own host waiting. */
  readonly hosts: KeyedSemaphore;
  readonly cut: AbortSignal;
}

/** The word of what came of it. */
async function attempt(posting: Posting, deliveryId: DeliveryId, known?: Due): Promise<string> {
  const { infra, hosts } = posting;
  const loaded = known?.loaded ?? (await waiting(infra, deliveryId));
  if (typeof loaded === 'string') return loaded;
  const { url } = loaded.state.scheduled;
  // What is no URL is refused when it is posted.
  const host = URL.canParse(url) ? new URL(url).host : url;
  const acquired = hosts.acquire(host);
  if (!(await acquired)) return 'no_place';
  try {
    // Whoever had to wait may have been overtaken by another process.
    const current = acquired === true ? loaded : await waiting(infra, deliveryId);
    if (typeof current === 'string') return current;
    const body = known?.body ?? (await readBody(infra, current.state.scheduled));
    return await postAndRecord(posting, { loaded: current, body });
  } finally {
    hosts.release(host);
  }
}

/** The delivery, when an attempt is due; else the word that says why not. */
async function waiting(
  { deliveries, now }: Infra,
  deliveryId: DeliveryId,
): Promise<Loaded<Waiting> | string> {
  const loaded = await deliveries.load(deliveryId);
  const { state } = loaded;
  if (state.status !== 'waiting') return `already_${state.status}`;
  return Date.parse(state.nextAttemptAt) > now() ? 'not_due' : { ...loaded, state };
}

const readBody = async ({ store }: Infra, scheduled: DeliveryScheduled['data']) =>
  bodyOf(
    scheduled,
    await readEvents<ExecutionEvent>(store, streamOf('execution', scheduled.executionId)),
  );

async function postAndRecord({ infra, cut }: Posting, { loaded, body }: Due): Promise<string> {
  const { scheduled, attempts } = loaded.state;
  const startedAtMs = performance.now();
  const result = await post(infra, scheduled, body, cut);
  // A cut attempt says nothing about the receiver: its timer tries again.
  if (result.kind === 'failed' && result.reason === 'aborted') return 'cut';
  const latencyMs = Math.round(performance.now() - startedAtMs);
  const nowMs = infra.now();
  const command: Delivery.Command = {
    type: 'RecordAttempt',
    attempt: attempts + 1,
    result: resultOf(result, nowMs),
    latencyMs,
    jitter: Math.random(),
    at: new Date(nowMs).toISOString(),
  };
  const state = await retryOnOutage(() => record(infra, loaded, command), cut);
  const outcome = state.status === 'waiting' ? 'failed' : state.status;
  infra.metrics.webhookSeconds.observe({ outcome }, latencyMs / 1000);
  return outcome;
}

function post(
  { outbound, secrets, now }: Infra,
  { eventId, url, organizationId }: DeliveryScheduled['data'],
  body: string,
  signal: AbortSignal,
): Promise<OutboundResult> {
  const secret = secrets.webhookSecret(organizationId);
  const timestampSeconds = Math.floor(now() / 1000);
  return outbound.request({
    method: 'POST',
    url,
    headers: {
      'content-type': 'application/json',
      'user-agent': 'ModelRoute-Webhooks/1.0',
      ...signatureHeaders({ eventId, body, secret, timestampSeconds }),
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

function resultOf(result: OutboundResult, nowMs: number): Delivery.AttemptResult {
  switch (result.kind) {
    case 'answered': {
      const retryAfterMs = retryAfterOf(result.headers['retry-after'], nowMs);
      return { kind: 'answered', status: result.status, ...(retryAfterMs && { retryAfterMs }) };
    }
    case 'refused':
      return { kind: 'refused', reason: result.reason };
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
