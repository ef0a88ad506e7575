/**
 * Texts that only we can read and only we can have written: they come back from others unchanged,
 * or not at all.
 */
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';

const [ALGORITHM, NONCE_BYTES, TAG_BYTES] = ['aes-256-gcm', 12, 16] as const;

/** Texts of about the same length are sealed to one length. */
const BLOCK_BYTES = 64;

/**
 * `about` says what it is for, and must be the same when it is opened. The nonce is derived from
 * what is encrypted: two texts never share one, and one text about one thing always becomes the
 * same. Blanks at its end are lost.
 */
export function sealed(key: Buffer, about: string, text: string): string {
  const plain = Buffer.from(text.padEnd(Math.ceil(text.length / BLOCK_BYTES) * BLOCK_BYTES));
  const nonce = createHmac('sha256', key).update(about).update('\0').update(plain).digest();
  const cipher = createCipheriv(ALGORITHM, key, nonce.subarray(0, NONCE_BYTES));
  cipher.setAAD(Buffer.from(about));
  const secret = Buffer.concat([cipher.update(plain), cipher.final()]);
  const parts = [nonce.subarray(0, NONCE_BYTES), cipher.getAuthTag(), secret];
  return Buffer.concat(parts).toString('base64url');
}

/** Undefined for what was not sealed about that. */
export function unsealed(key: Buffer, about: string, text: string): string | undefined {
  const bytes = Buffer.from(text, 'base64url');
  const [nonceEnd, tagEnd] = [NONCE_BYTES, NONCE_BYTES + TAG_BYTES];
  if (bytes.length <= tagEnd || bytes.toString('base64url') !== text) return undefined;
  const options = { authTagLength: TAG_BYTES };
  const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, nonceEnd), options);
  decipher.setAAD(Buffer.from(about));
  decipher.setAuthTag(bytes.subarray(nonceEnd, tagEnd));
  try {
    return decipher.update(bytes.subarray(tagEnd), undefined, 'utf8') + decipher.final('utf8');
  } catch {
    return undefined; // the tag is of another text, purpose or key
  }
}
