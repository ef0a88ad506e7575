/** The part of the infrastructure that questions need. */
import type { Infra } from '../runtime/infra.js';

export type QueryInfra = Pick<
  Infra,
  'bus' | 'catalogue' | 'files' | 'log' | 'now' | 'payloads' | 'progress' | 'readStore' | 'store'
>;
