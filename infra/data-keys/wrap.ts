/**
 * A data key as it is stored: encrypted under a key that is derived from the master key, and bound
 * to its organization, so that neither the database nor a dump of it holds one.
 *
 *   12 bytes of nonce · 32 bytes encrypted (AES-256-GCM) · 16 bytes of tag
 */
import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto';
import { StartError } from '../start-error.js';
import type { DataKey } from './port.js';

export type KeyName = Omit<DataKey, 'secret'>;

const [ALGORITHM, NONCE_BYTES, KEY_BYTES, TAG_BYTES] = ['aes-256-gcm', 12, 32, 16] as const;

/** A new key. */
export function wrappedNew(wrappingKey: Buffer, name: KeyName): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, wrappingKey, nonce).setAAD(aboutKey(name));
  const encrypted = [cipher.update(randomBytes(KEY_BYTES)), cipher.final()];
  return Buffer.concat([nonce, ...encrypted, cipher.getAuthTag()]);
}

/** Throws `StartError` where it was wrapped under another master key. */
export function unwrapped(wrappingKey: Buffer, name: KeyName, wrapped: Buffer): DataKey {
  const end = NONCE_BYTES + KEY_BYTES;
  const options = { authTagLength: TAG_BYTES };
  const nonce = wrapped.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv(ALGORITHM, wrappingKey, nonce, options);
  decipher.setAAD(aboutKey(name)).setAuthTag(wrapped.subarray(end));
  try {
    const bytes = decipher.update(wrapped.subarray(NONCE_BYTES, end));
    decipher.final();
    return { ...name, secret: createSecretKey(bytes) };
  } catch {
    throw new StartError(
      `The data key of ${name.organizationId} cannot be opened: the master key ` +
        '(MODELROUTE_MASTER_KEY, or the file master-key in the data folder) is not the one under ' +
        'which it was stored.',
    );
  }
}

const aboutKey = ({ id, organizationId, version }: KeyName): Buffer =>
  Buffer.from(`data-key/1 ${id} ${version} ${organizationId}`);
