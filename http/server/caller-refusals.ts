/** What a caller may not do, by its role, its address or its permission. */
import { operatorCapabilities } from '../../contracts/http/operator-roles.js';
import { permits, type Scope } from '../../contracts/http/permissions.js';
import type { Operator } from './operator-auth.js';
import { operatorNeedOf, Refusal, type ApiRequest, type Caller, type Route } from './route.js';

export function roleRefusal(route: Route, { role }: Operator): Refusal | undefined {
  return operatorCapabilities[role].includes(operatorNeedOf(route))
    ? undefined
    : new Refusal('FORBIDDEN');
}

export const addressRefusal = (request: ApiRequest, { networks }: Caller): Refusal | undefined =>
  networks && !networks.has(request.ip)
    ? new Refusal('FORBIDDEN', undefined, [
        { code: 'ip_not_allowed', message: 'The API key may not be used from this address.' },
      ])
    : undefined;

export const permissionRefusal = (needed: Scope, { permission }: Caller): Refusal | undefined =>
  permits(permission, needed) ? undefined : new Refusal('FORBIDDEN');
