/** A webhook endpoint as answers show it, but for how its deliveries go. */
import type { Endpoint } from '../domain/webhook-endpoint/webhook-settings.js';
import { signingBeside } from '../domain/webhook-endpoint/webhook-settings.js';
import type { Secrets } from '../infra/secrets.js';
import { customHeadersOf, type CustomHeaders } from './endpoint-headers.js';

/** Stands for a value that reads do not show. */
export const MASK = '***';

const CREDENTIAL = /auth|token|secret|pass|cookie|key|credential|signature/i;

export function endpointBody(
  secrets: Pick<Secrets, 'endpointHeadersKey'>,
  endpoint: Endpoint,
  nowMs: number,
) {
  const { endpointId, url, description, events, disabled, createdAt, updatedAt } = endpoint;
  const [previous] = signingBeside(endpoint.secret, new Date(nowMs).toISOString());
  return {
    id: endpointId,
    url,
    description: description ?? null,
    events,
    headers: shown(customHeadersOf(secrets, endpoint)),
    is_active: disabled === undefined,
    disabled_reason: disabled?.cause ?? null,
    disabled_at: disabled?.since ?? null,
    previous_secret_valid_until: previous?.until ?? null,
    created_at: createdAt,
    updated_at: updatedAt,
  };
}

const shown = (headers: CustomHeaders): CustomHeaders =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, CREDENTIAL.test(name) ? MASK : value]),
  );
