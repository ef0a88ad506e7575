/** What each role of an operator may do; every operator's route needs one of these. */
import type { OperatorRole } from '../events/operators.js';

/**
 * - `read`: every GET but that of operators' keys
 * - `redrive`: have work done again, or dropped, that processors gave up
 * - `money`: top-ups, adjustments, spending guards, the alert of a low balance
 * - `manage`: everything else
 */
export type OperatorCapability = 'read' | 'redrive' | 'money' | 'manage';

export const operatorCapabilities: Readonly<Record<OperatorRole, readonly OperatorCapability[]>> = {
  ADMIN: ['read', 'redrive', 'money', 'manage'],
  SUPPORT: ['read', 'redrive'],
  FINANCE: ['read', 'money'],
};
