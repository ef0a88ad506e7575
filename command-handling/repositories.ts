/** The repositories of a process, opened once, over one stream cache. */
import type { AnyEvent } from '../contracts/events/all.js';
import type { RecordedEvent } from '../contracts/events/envelope.js';
import { categoryOf } from '../contracts/streams.js';
import * as ApiKey from '../domain/api-key/api-key.js';
import * as Attempt from '../domain/attempt/attempt.js';
import * as Batch from '../domain/batch/batch.js';
import * as Delivery from '../domain/delivery/delivery.js';
import * as Erasure from '../domain/erasure/erasure.js';
import * as Execution from '../domain/execution/execution.js';
import * as File from '../domain/file/file.js';
import * as Operators from '../domain/operators/operators.js';
import * as Organization from '../domain/organization/organization.js';
import * as Provider from '../domain/provider/provider.js';
import * as WebhookEndpoint from '../domain/webhook-endpoint/webhook-endpoint.js';
import * as WebhookRecovery from '../domain/webhook-recovery/webhook-recovery.js';
import type { EventStore } from '../infra/event-store/port.js';
import { openRepository } from './repository.js';
import { openStreamCache } from './stream-cache.js';

export type Repositories = ReturnType<typeof openRepositories>;

/**
 * Brings the cached state of the event's stream forward. Processors are notified of executions
 * only, and of each several times.
 */
export function learn({ executions }: Repositories, event: RecordedEvent<AnyEvent>): void {
  if (categoryOf(event.stream) === Execution.category)
    executions.learn(event as RecordedEvent<Execution.Event>);
}

export function openRepositories(store: EventStore, cache = openStreamCache()) {
  return {
    apiKeys: openRepository(store, ApiKey, cache),
    attempts: openRepository(store, Attempt, cache),
    batches: openRepository(store, Batch, cache),
    deliveries: openRepository(store, Delivery, cache),
    /** By execution. */
    erasures: openRepository(store, Erasure, cache),
    executions: openRepository(store, Execution, cache),
    fileRecords: openRepository(store, File, cache),
    operators: openRepository(store, Operators, cache),
    organizations: openRepository(store, Organization, cache),
    providerCircuits: openRepository(store, Provider, cache),
    /** By organization: all its endpoints are in one stream. */
    webhookEndpoints: openRepository(store, WebhookEndpoint, cache),
    /** By endpoint. */
    webhookRecoveries: openRepository(store, WebhookRecovery, cache),
  };
}
