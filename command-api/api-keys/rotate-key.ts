/**
 * Gives an API key another secret. The key is decided first; the stream by which the new secret is
 * found comes right behind it. Where a process dies between them, a secret that nobody was shown
 * opens nothing, and the one before lives for its hour.
 */
import { randomBytes } from 'node:crypto';
import type { ApiKeySecretAdded } from '../../contracts/events/api-key.js';
import { apiKeyIdOf, type ApiKeyId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import type { Rejection } from '../../domain/api-key/api-key.js';
import { limitBeyond } from './limit-beyond.js';
import { appendOf } from '../../command-handling/streams.js';
import { NO_STREAM, StoreUnavailable } from '../../infra/event-store/port.js';
import { apiKeyHash, apiKeyText } from '../../http/server/api-key-text.js';
import type { Refusal, Reply } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { refused } from '../refusals.js';
import { beyond, ownKey, type KeyAsker } from './key-asker.js';

const ATTEMPTS_MAX = 10;

/** Who rotates a key holds it afterwards, so that it must not do more than the key that asks. */
export async function rotateKey(
  commands: Commands,
  asker: KeyAsker,
  keyId: ApiKeyId,
): Promise<Reply | Refusal> {
  const { organizationId, key: asking } = asker;
  const key = await ownKey(commands, asker, keyId);
  if (!key) return refused('KeyUnknown');
  const wider = asking && limitBeyond(key.limits, asking.limits);
  if (wider) return beyond(wider);
  const text = apiKeyText(randomBytes(32));
  const rotated = await addSecret(commands, asker, keyId, text);
  if ('reason' in rotated) return refused(rotated.reason);
  const { validUntil } = rotated;
  const { expiresAt = validUntil } = key.limits;
  return {
    status: 200,
    body: {
      id: keyId,
      new_key: text,
      previous_key_valid_until: expiresAt < validUntil ? expiresAt : validUntil,
    },
    logFields: { organizationId, keyId },
  };
}

async function addSecret(
  { apiKeys, now }: Commands,
  { organizationId, metadata }: KeyAsker,
  keyId: ApiKeyId,
  text: string,
): Promise<{ readonly validUntil: string } | { readonly reason: Rejection }> {
  const hash = apiKeyHash(text);
  return apiKeys.inTurn(keyId, async () => {
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      const at = new Date(now()).toISOString();
      const data = { organizationId, keyId, at } as const;
      const added: ApiKeySecretAdded = { type: 'ApiKeySecretAdded', data };
      const dependents = [
        appendOf(streamOf('apiKey', apiKeyIdOf(hash)), NO_STREAM, [added], metadata),
      ];
      const hint = text.slice(-4);
      const command = { type: 'Rotate', organizationId, hash, hint, at } as const;
      const loaded = await apiKeys.load(keyId);
      const rotated = await apiKeys.decide(loaded, command, metadata, { dependents });
      if (rotated.outcome === 'rejected') return { reason: rotated.reason };
      if (rotated.outcome !== 'accepted') continue;
      const [event] = rotated.events;
      if (event?.type === 'ApiKeyRotated') return { validUntil: event.data.previousValidUntil };
    }
    throw new StoreUnavailable(`${keyId} is written to by too many at once`);
  });
}
