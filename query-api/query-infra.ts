/** The part of the infrastructure that questions need. */
import type { Infra } from '../infra/infra.js';

export type QueryInfra = Pick<
  Infra,
  'catalogue' | 'files' | 'log' | 'payloads' | 'readStore' | 'store'
>;
