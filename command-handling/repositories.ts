/** The repositories of a process, opened once. */
import * as ApiKey from '../domain/api-key/api-key.js';
import * as Delivery from '../domain/delivery/delivery.js';
import * as Execution from '../domain/execution/execution.js';
import * as Organization from '../domain/organization/organization.js';
import type { EventStore } from '../infra/event-store/port.js';
import { openRepository } from './repository.js';

export type Repositories = ReturnType<typeof openRepositories>;

export const openRepositories = (store: EventStore) => ({
  apiKeys: openRepository(store, ApiKey),
  deliveries: openRepository(store, Delivery),
  executions: openRepository(store, Execution),
  organizations: openRepository(store, Organization),
});
