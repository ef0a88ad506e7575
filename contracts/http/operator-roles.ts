/** What each role of an operator may do; every operator's route needs one of these. */
import type { OperatorRole } from '../events/operators.js';

/**
 * - `read`: every GET
 * - `redrive`: have work done again, or dropped, that processors gave up
 * - `money`: top-ups, adjustments, spending guards
 * - `manage`: everything else
 */
export type OperatorCapability = 'read' | 'redrive' | 'money' | 'manage';

export const operatorCapabilities: Readonly<Record<OperatorRole, readonly OperatorCapability[]>> = {
  ADMIN: ['read', 'redrive', 'money', 'manage'],
  SUPPORT: ['read', 'redrive'],
  FINANCE: ['read', 'money'],
};
