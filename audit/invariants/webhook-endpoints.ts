/**
 * Webhook endpoints, as far as I5 needs them: which of an organization's endpoints an event is due
 * to at the moment that it happens.
 */
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { WebhookEndpointEvent } from '../../contracts/events/webhook-endpoint.js';
import type { OrganizationId, WebhookEndpointId } from '../../contracts/ids.js';
import { CLASSIC_EVENTS } from '../../contracts/webhooks/body.js';
import type { OpenEndpoint, OpenExecution, OpenItems } from '../open-items.js';

type Recorded = RecordedEvent<WebhookEndpointEvent>;

/** What was on its way to it is scheduled still. */
const GONE: OpenEndpoint = { events: [], isActive: false };

/** The executions that may now be done with: nothing is due to an endpoint that was deleted. */
export function auditEndpointEvent(
  open: OpenItems,
  { type, data }: Recorded,
): readonly OpenExecution[] {
  if (type === 'SigningSecretRotated') return [];
  const { organizationId, endpointId } = data;
  const endpoints = open.endpoints.get(organizationId) ?? new Map<string, OpenEndpoint>();
  open.endpoints.set(organizationId, endpoints);
  const known = endpoints.get(endpointId);
  switch (type) {
    case 'WebhookEndpointRegistered':
      endpoints.set(endpointId, { events: data.events, isActive: data.isActive });
      return [];
    case 'WebhookEndpointChanged':
      endpoints.set(endpointId, { events: data.events, isActive: known?.isActive ?? true });
      return [];
    case 'WebhookEndpointDisabled':
    case 'WebhookEndpointEnabled':
      if (known)
        endpoints.set(endpointId, { ...known, isActive: type === 'WebhookEndpointEnabled' });
      return [];
    case 'WebhookEndpointSecretRotated':
      return [];
    case 'WebhookEndpointDeleted':
      endpoints.set(endpointId, GONE);
      return forget(open, organizationId, endpointId);
  }
}

export function endpointsFor(
  { endpoints }: OpenItems,
  organizationId: OrganizationId,
  type: string,
): readonly WebhookEndpointId[] {
  const due: WebhookEndpointId[] = [];
  for (const [id, { events, isActive }] of endpoints.get(organizationId) ?? [])
    if (isActive && (events.length > 0 ? events : CLASSIC_EVENTS).some((one) => one === type))
      due.push(id as WebhookEndpointId);
  return due;
}

function forget(
  { executions }: OpenItems,
  organizationId: OrganizationId,
  endpointId: WebhookEndpointId,
): readonly OpenExecution[] {
  const changed: OpenExecution[] = [];
  for (const execution of executions.values()) {
    if (execution.organizationId !== organizationId) continue;
    for (const key of execution.dueEvents.keys())
      if (key.endsWith(` ${endpointId}`)) execution.dueEvents.delete(key);
    changed.push(execution);
  }
  return changed;
}
