/**
 * The part of the infrastructure that commands need. Nothing is decided on the read models; they
 * are here to be rebuilt.
 */
import type { AllowedNetworks } from '../http/client/addresses.js';
import type { Infra } from '../runtime/infra.js';

export type CommandInfra = Pick<
  Infra,
  | 'accounts'
  | 'accountStates'
  | 'addresses'
  | 'apiKeys'
  | 'attempts'
  | 'batches'
  | 'bus'
  | 'catalogue'
  | 'config'
  | 'dataKeys'
  | 'deliveries'
  | 'erasures'
  | 'executions'
  | 'exports'
  | 'fileRecords'
  | 'files'
  | 'log'
  | 'now'
  | 'operators'
  | 'organizations'
  | 'payloads'
  | 'postedFiles'
  | 'progress'
  | 'providerCircuits'
  | 'providers'
  | 'quotas'
  | 'readStore'
  | 'secrets'
  | 'store'
  | 'storedBytes'
  | 'tracing'
  | 'webhookEndpoints'
  | 'webhookRecoveries'
  | 'webhooks'
>;

/** The same with the configured networks parsed. */
export interface Commands extends CommandInfra {
  readonly allowedNetworks: AllowedNetworks;
}
