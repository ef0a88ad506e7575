/** One attempt: sign, post, and what came of it. */
import {
  ANSWER_LENGTH_MAX,
  type DeliveryScheduled,
  type StopCause,
} from '../../contracts/events/delivery.js';
import type { EventPublicId } from '../../contracts/ids.js';
import type * as Delivery from '../../domain/delivery/delivery.js';
import type { WebhookSettings } from '../../domain/webhook-endpoint/webhook-settings.js';
import type { OutboundResult } from '../../http/client/outbound.js';
import { isOutage } from '../../infra/event-store/outage.js';
import type { Infra } from '../../runtime/infra.js';
import { beginSpan, EXECUTION } from '../execution-trace.js';
import { readBody } from './body.js';
import { recipientOf, type Recipient } from './recipient.js';
import { signatureHeaders } from './sign.js';

type Scheduled = DeliveryScheduled['data'];

const TIMEOUT_MS = 30_000;
/** What a receiver or a certificate can make of a reason. */
const REASON_MAX = 200;

/** What came of it; `stopped` where there is no place to send it to any more. */
export type PostResult =
  | Exclude<Delivery.AttemptResult, { kind: 'answered' }>
  | (Extract<Delivery.AttemptResult, { kind: 'answered' }> & { readonly url: string })
  | { readonly kind: 'stopped'; readonly cause: StopCause };

/** Spares the reading of what the caller has just read. */
export interface Given {
  readonly body: string | undefined;
  readonly settings?: WebhookSettings | undefined;
}

/** Every end is a result; only an outage of the store, which is no end, is thrown. */
export async function post(
  infra: Infra,
  scheduled: Scheduled,
  given: Given,
  signal: AbortSignal,
): Promise<PostResult> {
  try {
    const settings = given.settings ?? (await infra.webhooks.settingsOf(scheduled.organizationId));
    const recipient = recipientOf(infra, settings, scheduled);
    if (recipient.kind !== 'reachable')
      return { kind: 'stopped', cause: `endpoint_${recipient.kind}` };
    const body = given.body ?? (await readBody(infra.store, scheduled));
    const sent = await sendTraced(infra, recipient, { scheduled, body }, signal);
    return answerOf(sent, recipient.url, infra.now());
  } catch (err) {
    if (isOutage(err)) throw err;
    const { deliveryId, executionId } = scheduled;
    infra.log.error({ deliveryId, executionId, err }, 'an attempt to deliver met a defect of ours');
    return { kind: 'failed', reason: 'internal error' };
  }
}

type Reachable = Extract<Recipient, { kind: 'reachable' }>;

/** Its receiver gets the trace of the request, where there are traces. */
async function sendTraced(
  infra: Infra,
  recipient: Reachable,
  { scheduled, body }: { readonly scheduled: Scheduled; readonly body: string },
  signal: AbortSignal,
): Promise<OutboundResult> {
  const { eventId, executionId, deliveryId } = scheduled;
  if (!infra.tracing || executionId === undefined)
    return send(infra, recipient, { eventId, body }, signal);
  const span = await beginSpan(infra, executionId, 'webhook delivery', { kind: 'client' });
  const trace: Record<string, string> = span ? { traceparent: span.traceparent } : {};
  const headers = { ...recipient.headers, ...trace };
  const sent = await send(infra, { ...recipient, headers }, { eventId, body }, signal);
  const status = sent.kind === 'answered' ? sent.status : undefined;
  const attributes = {
    [EXECUTION]: executionId,
    'modelroute.delivery_id': deliveryId,
    'modelroute.outcome': sent.kind,
    'http.response.status_code': status,
  };
  const isTaken = status !== undefined && status >= 200 && status < 300;
  span?.end(attributes, isTaken ? undefined : String(status ?? sent.kind));
  return sent;
}

function send(
  { outbound, now }: Infra,
  { url, headers, secrets }: Reachable,
  { eventId, body }: { readonly eventId: EventPublicId; readonly body: string },
  signal: AbortSignal,
): Promise<OutboundResult> {
  const timestampSeconds = Math.floor(now() / 1000);
  return outbound.request({
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
    excerptBytesMax: ANSWER_LENGTH_MAX,
    signal,
  });
}

function answerOf(result: OutboundResult, url: string, nowMs: number): PostResult {
  switch (result.kind) {
    case 'answered': {
      const { status, headers, excerpt } = result;
      const retryAfterMs = retryAfterOf(headers['retry-after'], nowMs);
      const answer = excerpt && textOf(excerpt);
      return {
        kind: 'answered',
        url,
        status,
        ...(retryAfterMs && { retryAfterMs }),
        ...(answer && { answer }),
      };
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

/** What is no text, or cannot be stored or shown, is left out. */
const textOf = (bytes: Buffer): string =>
  bytes.toString('utf8').replace(UNSHOWN, '').slice(0, ANSWER_LENGTH_MAX);

/** Control characters but tabs and ends of lines, and what stands for bytes that are no UTF-8. */
const UNSHOWN = /[^\P{C}\t\n\r]|\ufffd/gu;
