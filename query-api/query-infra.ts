/** The part of the infrastructure that questions need. */
import type { Infra } from '../runtime/infra.js';

export type QueryInfra = Pick<
  Infra,
  | 'bus'
  | 'catalogue'
  | 'files'
  | 'log'
  | 'now'
  | 'payloads'
  | 'progress'
  | 'reads'
  | 'readStore'
  | 'store'
>;

/** What lists need. */
export type ListInfra = Pick<QueryInfra, 'progress' | 'reads' | 'store'>;

/** Operators share the connections for reads as one more tenant. */
export const OPERATORS = 'operators';
