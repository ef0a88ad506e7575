/** The repositories of a process, opened once, over one stream cache. */
import * as ApiKey from '../domain/api-key/api-key.js';
import * as Delivery from '../domain/delivery/delivery.js';
import * as Execution from '../domain/execution/execution.js';
import * as Organization from '../domain/organization/organization.js';
import type { EventStore } from '../infra/event-store/port.js';
import { openRepository } from './repository.js';
import { openStreamCache } from './stream-cache.js';

export type Repositories = ReturnType<typeof openRepositories>;

export function openRepositories(store: EventStore, cache = openStreamCache()) {
  return {
    apiKeys: openRepository(store, ApiKey, cache),
    deliveries: openRepository(store, Delivery, cache),
    executions: openRepository(store, Execution, cache),
    organizations: openRepository(store, Organization, cache),
  };
}
