/**
 * What an API key may do: each route of a tenant names the scope that it needs, and this table says
 * which permissions have it. `docs/build/keys.md` shows the same table to integrators.
 */
import type { Permission } from '../events/api-key.js';

/** What a route does, and to what. */
export type Scope = keyof typeof permittedTo;

const EVERYBODY = ['FULL', 'DEVELOPER', 'EXECUTION_ONLY', 'BILLING', 'AUDITOR'] as const;

export const permittedTo = {
  'models:read': EVERYBODY,
  'executions:write': ['FULL', 'DEVELOPER', 'EXECUTION_ONLY'],
  'executions:read': ['FULL', 'DEVELOPER', 'EXECUTION_ONLY', 'AUDITOR'],
  'payloads:write': ['FULL', 'DEVELOPER'],
  'files:write': ['FULL', 'DEVELOPER', 'EXECUTION_ONLY'],
  'files:read': ['FULL', 'DEVELOPER', 'EXECUTION_ONLY', 'AUDITOR'],
  'webhooks:write': ['FULL', 'DEVELOPER'],
  'webhooks:read': ['FULL', 'DEVELOPER', 'AUDITOR'],
  'billing:write': ['FULL', 'BILLING'],
  'billing:read': ['FULL', 'DEVELOPER', 'BILLING', 'AUDITOR'],
  'guards:write': ['FULL'],
  'guards:read': ['FULL', 'DEVELOPER', 'BILLING', 'AUDITOR'],
  'keys:write': ['FULL'],
  'keys:read': ['FULL', 'DEVELOPER', 'AUDITOR'],
  'settings:write': ['FULL'],
  'settings:read': ['FULL', 'DEVELOPER', 'AUDITOR'],
  'audit:read': ['FULL', 'AUDITOR'],
} as const satisfies Record<string, readonly Permission[]>;

export const permits = (permission: Permission, scope: Scope): boolean =>
  (permittedTo[scope] as readonly Permission[]).includes(permission);
