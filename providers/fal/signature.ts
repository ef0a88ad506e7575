/**
 * Whether a callback is fal's: `x-fal-webhook-signature` is, in hex, an Ed25519 signature over the
 * lines of request id, user id, timestamp and the SHA-256 (hex) of the body as it came. The keys
 * are public, a JSON Web Key Set at `webhook_keys_url`.
 *
 * Its age is not judged: the URL is of one attempt, and the same callback again changes nothing.
 */
import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto';
import type { Provider } from '../../contracts/catalogue/catalogue.js';
import { exchange } from '../exchange.js';
import { isObject } from '../json-call.js';
import type { ProviderAdapter, ProviderCall, ProviderCallback } from '../port.js';
import { openRemembered } from '../remembered.js';
import type { Wire } from '../vendor.js';

type Check = NonNullable<ProviderAdapter['checkCallback']>;
type Asking = Pick<ProviderCall, 'provider' | 'timeoutMs' | 'signal'>;

const KEYS_URL = 'https://rest.fal.ai/.well-known/jwks.json';
const KEYS_BYTES_MAX = 64 * 1024;
const KEYS_MAX = 16;

export function openSignatures(wire: Wire): { readonly check: Check } {
  const keys = openRemembered((call: Asking) => fetchKeys(wire, call));
  return {
    async check(callback, call) {
      const message = messageOf(callback);
      if (!message) return 'forged';
      const url = call.provider.webhookKeysUrl ?? KEYS_URL;
      return keys.check(url, call, (known) => known.some((key) => isSigned(key, message)));
    },
  };
}

interface Message {
  readonly text: Buffer;
  readonly signature: Buffer;
}

function messageOf({ headers, body }: ProviderCallback): Message | undefined {
  const [id, user, at, signature] = ['request-id', 'user-id', 'timestamp', 'signature'].map(
    (name) => headers[`x-fal-webhook-${name}`],
  );
  if (!id || !user || !at || !/^[0-9a-f]{128}$/i.test(signature ?? '')) return undefined;
  const digest = createHash('sha256').update(body).digest('hex');
  const text = Buffer.from([id, user, at, digest].join('\n'));
  return { text, signature: Buffer.from(signature ?? '', 'hex') };
}

const isSigned = (key: KeyObject, { text, signature }: Message): boolean =>
  verify(null, text, key, signature);

/** No credential is sent: the keys are public, and may be at another host. */
async function fetchKeys(
  wire: Wire,
  { provider, timeoutMs, signal }: Asking,
): Promise<readonly KeyObject[] | undefined> {
  const { origin, pathname, search } = new URL(provider.webhookKeysUrl ?? KEYS_URL);
  const place: Provider = { ...provider, slug: `${provider.slug} keys`, baseUrl: origin };
  const ended = await exchange(wire.endpoints.of(place), {
    method: 'GET',
    path: pathname + search,
    headers: ['accept', 'application/json'],
    body: null,
    timeoutMs,
    signal,
    bytesMax: KEYS_BYTES_MAX,
  });
  if (ended.kind !== 'answered' || ended.status !== 200 || ended.cut) return undefined;
  const keys = keysIn(ended.body);
  return keys.length > 0 ? keys : undefined;
}

function keysIn(body: Buffer): KeyObject[] {
  let set: unknown;
  try {
    set = JSON.parse(body.toString('utf8'));
  } catch {
    return [];
  }
  const listed = isObject(set) && Array.isArray(set['keys']) ? (set['keys'] as unknown[]) : [];
  return listed.slice(0, KEYS_MAX).flatMap((one) => {
    if (!isObject(one) || one['crv'] !== 'Ed25519' || typeof one['x'] !== 'string') return [];
    try {
      const key = { kty: 'OKP', crv: 'Ed25519', x: one['x'] };
      return [createPublicKey({ format: 'jwk', key })];
    } catch {
      return [];
    }
  });
}
