/**
 * What changes an organization's webhooks. In one process its changes are decided one after
 * another, so that many that race do not refuse one another; what other processes append meanwhile
 * is read, and decided on again.
 */
import type { OrganizationId } from '../../contracts/ids.js';
import type * as WebhookEndpoint from '../../domain/webhook-endpoint/webhook-endpoint.js';
import type { CommandMetadata } from '../../command-handling/command-metadata.js';
import type { Transacted } from '../../command-handling/repository.js';
import { createKeyedSemaphore } from '../../infra/concurrency/keyed-semaphore.js';
import { StoreOverloaded } from '../../infra/event-store/port.js';
import type { Commands } from '../command-infra.js';

export type ChangeSettings = (
  organizationId: OrganizationId,
  command: WebhookEndpoint.Command,
  metadata: CommandMetadata,
) => Promise<Transacted<WebhookEndpoint.State, WebhookEndpoint.Event, WebhookEndpoint.Rejection>>;

/** Changes of one organization that wait in this process. */
const WAITING_MAX = 256;

/** Throws `StoreOverloaded` or `StoreUnavailable`. */
export function openChangeSettings({
  webhookEndpoints,
}: Pick<Commands, 'webhookEndpoints'>): ChangeSettings {
  const turns = createKeyedSemaphore(1, WAITING_MAX);
  return async (organizationId, command, metadata) => {
    if (!(await turns.acquire(organizationId)))
      throw new StoreOverloaded('too many changes of one organization’s webhooks wait');
    try {
      return await webhookEndpoints.transact(organizationId, command, metadata);
    } finally {
      turns.release(organizationId);
    }
  };
}
