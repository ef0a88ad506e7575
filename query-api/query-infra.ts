/** The part of the infrastructure that questions need. */
import type { Infra } from '../runtime/infra.js';
import type { Cursors } from './cursor.js';

export type QueryInfra = Pick<
  Infra,
  | 'accountStates'
  | 'addresses'
  | 'apiKeys'
  | 'bus'
  | 'catalogue'
  | 'checkpointKey'
  | 'downloadLog'
  | 'exports'
  | 'files'
  | 'log'
  | 'now'
  | 'operators'
  | 'organizations'
  | 'payloads'
  | 'progress'
  | 'proofs'
  | 'providerCircuits'
  | 'reads'
  | 'readStore'
  | 'reports'
  | 'secrets'
  | 'store'
  | 'webhooks'
> & { readonly config: Pick<Infra['config'], 'requestRate'> };

/** What lists need. */
export interface ListInfra extends Pick<QueryInfra, 'progress' | 'reads' | 'store'> {
  readonly cursors: Cursors;
}

/** Operators share the connections for reads as one more tenant. */
export const OPERATORS = 'operators';
