/** The part of the infrastructure that commands need. */
import type { AllowedNetworks } from '../infra/outbound/addresses.js';
import type { Infra } from '../infra/infra.js';

export type CommandInfra = Pick<
  Infra,
  'accounts' | 'bus' | 'catalogue' | 'config' | 'now' | 'payloads' | 'secrets' | 'store'
>;

/** The same with the configured networks parsed. */
export interface Commands extends CommandInfra {
  readonly allowedNetworks: AllowedNetworks;
}
