/** One attempt to deliver: rebuild the body, sign it, post it, record what came of it. */
import type { ExecutionEvent } from '../../contracts/events/execution.js';
import type { DeliveryScheduled } from '../../contracts/events/delivery.js';
import type { DeliveryId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import type { WebhookBody } from '../../contracts/webhooks/body.js';
import * as Delivery from '../../domain/delivery/delivery.js';
import { executionBody, foldExecution, type ExecutionView } from '../../domain/execution/view.js';
import { load, readEvents, transact } from '../../infra/deciding/transact.js';
import type { Infra } from '../../infra/infra.js';
import type { OutboundResult } from '../../infra/outbound/outbound.js';
import { causeOf } from '../cause.js';
import { signatureHeaders } from './sign.js';

export interface DeliveryAttempts {
  /** In the background, in bounded number; what finds no place is taken up by its timer. */
  start(deliveryId: DeliveryId): void;
  attempt(deliveryId: DeliveryId): Promise<string>;
  drain(waitMs: number): Promise<void>;
}

const TIMEOUT_MS = 30_000;
/** Of an answer nothing but its status counts; so much is read that the connection can be reused. */
const ANSWER_BYTES_MAX = 16 * 1024;
const IN_FLIGHT_MAX = 2_000;
/** A receiver may not push its next attempt beyond what the delivery's age allows anyway. */
const RETRY_AFTER_MAX_MS = 24 * 3_600_000;

export function openDeliveryAttempts(infra: Infra): DeliveryAttempts {
  const inFlight = new Map<DeliveryId, Promise<string>>();
  const cut = new AbortController();
  const attempt = (deliveryId: DeliveryId): Promise<string> => {
    const running = inFlight.get(deliveryId);
    if (running) return Promise.resolve('in_flight');
    if (inFlight.size >= IN_FLIGHT_MAX) return Promise.resolve('no_place');
    const run = attemptOnce(infra, deliveryId, cut.signal).finally(() =>
      inFlight.delete(deliveryId),
    );
    inFlight.set(deliveryId, run);
    return run;
  };
  return {
    attempt,
    start(deliveryId) {
      attempt(deliveryId).catch((error: unknown) =>
        infra.log.warn({ deliveryId, err: error }, 'a delivery attempt was not recorded'),
      );
    },
    async drain(waitMs) {
      const timer = setTimeout(() => cut.abort(), waitMs);
      while (inFlight.size > 0) await Promise.allSettled(inFlight.values());
      clearTimeout(timer);
    },
  };
}

async function attemptOnce(
  infra: Infra,
  deliveryId: DeliveryId,
  signal: AbortSignal,
): Promise<string> {
  const { state } = await load(infra.store, Delivery, deliveryId);
  if (state.status !== 'waiting') return `already_${state.status}`;
  if (Date.parse(state.nextAttemptAt) > infra.now()) return 'not_due';
  const { scheduled } = state;
  const startedAt = performance.now();
  const result = await post(infra, scheduled, signal);
  // A cut attempt says nothing about the receiver: its timer tries again.
  if (result.kind === 'failed' && result.reason === 'aborted') return 'cut';
  const latencyMs = Math.round(performance.now() - startedAt);
  const command: Delivery.Command = {
    type: 'RecordAttempt',
    attempt: state.attempts + 1,
    result: resultOf(result),
    latencyMs,
    jitter: Math.random(),
    at: new Date(infra.now()).toISOString(),
  };
  const cause = causeOf('deliver-webhooks', scheduled.executionId, deliveryId);
  const recorded = await transact(infra.store, Delivery, deliveryId, command, cause);
  const outcome = recorded.state.status;
  infra.metrics.webhookSeconds.observe({ outcome }, latencyMs / 1000);
  const { executionId, eventType } = scheduled;
  infra.log.debug({ deliveryId, executionId, eventType, outcome, ms: latencyMs }, 'webhook');
  return outcome;
}

async function post(
  infra: Infra,
  scheduled: DeliveryScheduled['data'],
  signal: AbortSignal,
): Promise<OutboundResult> {
  const body = await bodyOf(infra, scheduled);
  const secret = infra.secrets.webhookSecret(scheduled.organizationId);
  const timestampSeconds = Math.floor(infra.now() / 1000);
  const { eventId, url } = scheduled;
  return infra.outbound.request({
    method: 'POST',
    url,
    headers: {
      'content-type': 'application/json',
      'user-agent': 'ModelRoute-Webhooks/1.0',
      ...signatureHeaders({ eventId, body, secret, timestampSeconds }),
    },
    body,
    timeoutMs: TIMEOUT_MS,
    responseBytesMax: ANSWER_BYTES_MAX,
    signal,
  });
}

/** The same bytes on every attempt: the stream up to the event is what it always was. */
async function bodyOf(infra: Infra, scheduled: DeliveryScheduled['data']): Promise<string> {
  const { executionId, organizationId, eventId, eventType, sequence, revision } = scheduled;
  const stream = streamOf('execution', executionId);
  let view: ExecutionView | undefined;
  let timestamp = scheduled.at;
  for (const event of await readEvents<ExecutionEvent>(infra.store, stream)) {
    if (event.revision > revision) break;
    view = foldExecution(view, event);
    timestamp = event.data.at;
  }
  if (!view) throw new Error(`${executionId} has a delivery but no request`);
  const body: WebhookBody = {
    id: eventId,
    type: eventType,
    event_type: eventType,
    version: '1.0',
    timestamp,
    organization_id: organizationId,
    execution_id: executionId,
    sequence,
    data: executionBody(view),
  };
  return JSON.stringify(body);
}

function resultOf(result: OutboundResult): Delivery.AttemptResult {
  switch (result.kind) {
    case 'answered': {
      const retryAfterMs = retryAfterOf(result.headers['retry-after']);
      return { kind: 'answered', status: result.status, ...(retryAfterMs && { retryAfterMs }) };
    }
    case 'refused':
      return { kind: 'refused', reason: result.reason };
    case 'failed':
      return { kind: 'failed', reason: result.reason };
  }
}

/** RFC 9110: seconds or an HTTP date; what is neither is ignored. */
function retryAfterOf(text: string | undefined): number | undefined {
  if (!text) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return ms > 0 ? Math.min(ms, RETRY_AFTER_MAX_MS) : undefined;
}
