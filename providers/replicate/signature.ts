/**
 * Whether a callback is Replicate's: `webhook-signature` has, for each secret in use, `v1,` and the
 * Base64 of HMAC-SHA256 over `{webhook-id}.{webhook-timestamp}.{body}`. The key is what follows
 * `whsec_`, decoded. The secret is that of a variable (`webhook_secret_env`), or else it is asked
 * for with the account's credential.
 *
 * Its age is not judged: the URL is of one attempt, and the same callback again changes nothing.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Provider } from '../../contracts/catalogue/catalogue.js';
import { apiPath } from '../api-path.js';
import { callJson } from '../json-call.js';
import { openRemembered } from '../remembered.js';
import type { ProviderAdapter, ProviderCall, ProviderCallback } from '../port.js';
import type { Wire } from '../vendor.js';

type Check = NonNullable<ProviderAdapter['checkCallback']>;
type Asking = Pick<ProviderCall, 'provider' | 'timeoutMs' | 'signal'>;

const SECRET_BYTES_MAX = 16 * 1024;

export function openSignatures(wire: Wire): { readonly check: Check } {
  const secrets = openRemembered((call: Asking) => fetchSecret(wire, call));
  return {
    async check(callback, call) {
      const { webhookSecretEnv } = call.provider;
      if (webhookSecretEnv !== undefined) {
        const secret = wire.credential(webhookSecretEnv)?.trim();
        if (!secret) return 'unchecked';
        return isSignedWith(secret, callback) ? 'genuine' : 'forged';
      }
      const name = `${call.provider.slug} ${call.provider.baseUrl}`;
      return secrets.check(name, call, (secret) => isSignedWith(secret, callback));
    },
  };
}

async function fetchSecret(wire: Wire, call: Asking): Promise<string | undefined> {
  const read = await callJson(
    wire,
    { ...call, dispatchKey: 'webhook-secret' },
    { method: 'GET', path: secretPath(call.provider), bytesMax: SECRET_BYTES_MAX },
  );
  const key = 'answer' in read ? read.answer['key'] : undefined;
  return typeof key === 'string' && key.startsWith(PREFIX) ? key : undefined;
}

const secretPath = (provider: Provider): string => apiPath(provider, '/webhooks/default/secret');

const PREFIX = 'whsec_';

function isSignedWith(secret: string, { headers, body }: ProviderCallback): boolean {
  const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': given } = headers;
  if (!id || !at || !given) return false;
  const key = Buffer.from(
    secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret,
    'base64',
  );
  const expected = createHmac('sha256', key).update(`${id}.${at}.`).update(body).digest();
  return given
    .split(' ')
    .filter((one) => one.startsWith('v1,'))
    .some((one) => isEqual(Buffer.from(one.slice('v1,'.length), 'base64'), expected));
}

const isEqual = (one: Buffer, other: Buffer): boolean =>
  one.length === other.length && timingSafeEqual(one, other);
