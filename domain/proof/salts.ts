/**
 * What keeps a leaf from being guessed: a salt for each leaf, and one for each value that a leaf
 * commits to. They follow from a key and the event's id (HMAC-SHA256), so nothing is stored, and a
 * log that was moved has the same leaves.
 */
import { createHmac, hash } from 'node:crypto';

/** base64url of 16 bytes. `name`: of the field, or `leaf`. */
export type LeafSalts = (eventId: string, name: string) => string;

const SALT_CHARS = 22;
const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;

/** The key of HMAC has the size of its block, so it is used as it is: 64 hex digits, in ASCII. */
export function openLeafSalts(key: Buffer): LeafSalts {
  const hex = createHmac('sha256', key).update('leaf-salts').digest('hex');
  const padded = (by: number) => Buffer.from(hex, 'latin1').map((byte) => byte ^ by);
  const inner = Buffer.from(padded(0x36)).toString('latin1');
  const outer = Buffer.concat([padded(0x5c), Buffer.alloc(DIGEST_BYTES)]);
  return (eventId, name) => {
    outer.write(hash('sha256', `${inner}${eventId}/${name}`, 'binary'), BLOCK_BYTES, 'latin1');
    return hash('sha256', outer, 'base64url').slice(0, SALT_CHARS);
  };
}

/** Whether two keys are one, without telling either. */
export const saltsId = (salts: LeafSalts): string => salts('', 'id');
