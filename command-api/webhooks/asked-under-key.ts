/**
 * The optional idempotency key of a request that shows a secret: a caller that lost the answer gets
 * it again, and no second endpoint and no second secret.
 */
import { createHmac } from 'node:crypto';
import type { AskedUnderKey } from '../../contracts/events/webhook-endpoint.js';
import type { Answered, WebhookSettings } from '../../domain/webhook-endpoint/webhook-settings.js';
import { canonicalJson } from '../../domain/canonical-json.js';
import type { ApiRequest, Caller } from '../../http/server/route.js';
import type { Secrets } from '../../infra/secrets.js';
import { idempotencyKeyIn } from '../executions/idempotency-key.js';

/** As a part of a command. Throws a `Refusal` for a key that is none. */
export function askedUnderKey(
  { requestKey }: Pick<Secrets, 'requestKey'>,
  request: ApiRequest,
  { organizationId }: Caller,
  asked: { readonly about: string; readonly key?: string | undefined; readonly body?: object },
): { readonly askedUnderKey?: AskedUnderKey } {
  const key = idempotencyKeyIn(request, asked.key);
  if (key === undefined) return {};
  const digestOf = (...parts: readonly string[]) =>
    createHmac('sha256', requestKey).update(parts.join('\0')).digest('hex');
  return {
    askedUnderKey: {
      keyDigest: digestOf('key', organizationId, key),
      requestDigest: digestOf('request', asked.about, canonicalJson(asked.body ?? {})),
    },
  };
}

/** What was answered to the first request under that key. */
export function firstAnswer({ answered }: WebhookSettings, asked: AskedUnderKey): Answered {
  const first = answered.find(({ keyDigest }) => keyDigest === asked.keyDigest);
  if (first) return first;
  throw new Error('a repeated request was never answered');
}

export const REPLAYED = { 'idempotency-replayed': 'true' } as const;
