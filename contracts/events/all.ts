/** Every event there is, by type name. Type names are unique over all categories. */
import { accountSchemas, type AccountEvent } from './account.js';
import { apiKeySchemas, type ApiKeyEvent } from './api-key.js';
import { attemptSchemas, type AttemptEvent } from './attempt.js';
import { batchSchemas, type BatchEvent } from './batch.js';
import { catalogueSchemas, type CatalogueEvent } from './catalogue.js';
import { deliverySchemas, type DeliveryEvent } from './delivery.js';
import type { EventSchema } from './envelope.js';
import { erasureSchemas, type ErasureEvent } from './erasure.js';
import { executionSchemas, type ExecutionEvent } from './execution.js';
import { fileSchemas, type FileEvent } from './file.js';
import { movementSchemas, type MovementEvent } from './movement.js';
import { operatorsSchemas, type OperationEvent, type OperatorsEvent } from './operators.js';
import { organizationSchemas, type OrganizationEvent } from './organization.js';
import { providerSchemas, type ProviderEvent } from './provider.js';
import { webhookRecoverySchemas, type WebhookRecoveryEvent } from './webhook-recovery.js';
import { webhookEndpointSchemas, type AnyWebhookEndpointEvent } from './webhook-endpoint.js';

export type AnyEvent =
  | AccountEvent
  | MovementEvent
  | ExecutionEvent
  | AttemptEvent
  | ErasureEvent
  | BatchEvent
  | OrganizationEvent
  | ApiKeyEvent
  | FileEvent
  | DeliveryEvent
  | CatalogueEvent
  | ProviderEvent
  | AnyWebhookEndpointEvent
  | WebhookRecoveryEvent
  | OperatorsEvent
  | OperationEvent;

export const eventSchemas: Record<AnyEvent['type'], EventSchema> = {
  ...accountSchemas,
  ...movementSchemas,
  ...executionSchemas,
  ...attemptSchemas,
  ...erasureSchemas,
  ...batchSchemas,
  ...organizationSchemas,
  ...apiKeySchemas,
  ...fileSchemas,
  ...deliverySchemas,
  ...catalogueSchemas,
  ...providerSchemas,
  ...webhookEndpointSchemas,
  ...webhookRecoverySchemas,
  ...operatorsSchemas,
};
