/** Sends to an endpoint again what it missed since some moment. */
import { randomUUID } from 'node:crypto';
import {
  recoverEndpointSchema,
  recoverySchema,
  type RecoverEndpointBody,
} from '../../contracts/http/deliveries.js';
import { momentMs } from '../../contracts/http/moment.js';
import { endpointOf } from '../../domain/webhook-endpoint/webhook-endpoint.js';
import type { Refusal } from '../../http/server/route.js';
import { type ApiRequest, type Caller, type Reply, type Route } from '../../http/server/route.js';
import { metadataOf } from '../command-metadata.js';
import type { Commands } from '../command-infra.js';
import { invalidField, refused } from '../refusals.js';
import { endpointIdIn } from './endpoint-id.js';
import { inactiveEndpoint } from './inactive-endpoint.js';

const DAYS_MAX = 7;

export const postEndpointsRecover = (commands: Commands): Route => ({
  method: 'POST',
  path: '/webhooks/endpoints/{id}/recover',
  summary: 'Send again what an endpoint missed',
  description:
    'Every delivery to it that was given up or failed since then, and what happened while it ' +
    'was inactive, is sent again in the background. One recovery of an endpoint runs at a time: ' +
    'while one reaches as far back, it is the answer.',
  tag: 'Webhooks',
  audience: 'tenant',
  permission: 'webhooks:write',
  bodySchema: recoverEndpointSchema,
  replySchemas: { 202: recoverySchema },
  refusals: ['NOT_FOUND', 'CONFLICT'],
  handle: (request, caller) => recover(commands, request, caller),
});

async function recover(
  { webhooks, webhookRecoveries, now }: Commands,
  request: ApiRequest,
  { organizationId, keyId }: Caller,
): Promise<Reply | Refusal> {
  const endpointId = endpointIdIn(request);
  const since = sinceIn(request.body as RecoverEndpointBody, now());
  const settings = await webhooks.settingsOf(organizationId);
  if (!endpointOf(settings, endpointId)) return refused('EndpointUnknown');
  const inactive = inactiveEndpoint(settings, endpointId);
  if (inactive) return inactive;
  const at = new Date(now()).toISOString();
  const data = { organizationId, endpointId, recoveryId: randomUUID(), since, at };
  const metadata = metadataOf(request, keyId, endpointId);
  const asked = await webhookRecoveries.transact(endpointId, { type: 'Request', data }, metadata);
  if (asked.outcome === 'rejected') return refused(asked.reason);
  const { recovery } = asked.state.status === 'running' ? asked.state : { recovery: data };
  return {
    status: 202,
    body: {
      recovery_id: recovery.recoveryId,
      endpoint_id: endpointId,
      status: 'RUNNING',
      since: recovery.since,
      until: recovery.at,
    },
    logFields: { endpointId },
  };
}

/** Throws a `Refusal` for what is no moment, not yet, or too long ago. */
function sinceIn({ since }: RecoverEndpointBody, nowMs: number): string {
  const ms = momentMs(since);
  if (ms === undefined) throw invalidField('since', 'pattern', 'is no moment of the calendar');
  if (ms > nowMs) throw invalidField('since', 'maximum', 'is in the future');
  if (ms < nowMs - DAYS_MAX * 86_400_000)
    throw invalidField('since', 'minimum', `is more than ${DAYS_MAX} days ago`);
  return new Date(ms).toISOString();
}
