/**
 * The hashes of a Merkle tree by RFC 6962, section 2.1: SHA-256 over 0x00 and a leaf's bytes, or
 * over 0x01 and two children.
 *
 * A hash is held as a string of 32 characters, one a byte (latin1): a tree of many leaves takes and
 * gives millions of them, and a string costs a third of a buffer.
 */
import { hash } from 'node:crypto';

export type TreeHash = string & { readonly treeHash: never };

export const HASH_BYTES = 32;

let prefixed = Buffer.alloc(16 * 1024);

/** Of a leaf by its bytes, or by the text of which they are the UTF-8. */
export function leafHash(leaf: string | Buffer): TreeHash {
  if (typeof leaf === 'string') return hash('sha256', `\u0000${leaf}`, 'binary') as TreeHash;
  if (leaf.length >= prefixed.length) prefixed = Buffer.alloc(2 * leaf.length);
  leaf.copy(prefixed, 1);
  return hash('sha256', prefixed.subarray(0, 1 + leaf.length), 'binary') as TreeHash;
}

const pair = Buffer.alloc(1 + 2 * HASH_BYTES, 1);

export function nodeHash(left: TreeHash, right: TreeHash): TreeHash {
  pair.write(left, 1, 'latin1');
  pair.write(right, 1 + HASH_BYTES, 'latin1');
  return hash('sha256', pair, 'binary') as TreeHash;
}

/** The root of a tree without leaves. */
export const EMPTY_ROOT: TreeHash = hash('sha256', '', 'binary') as TreeHash;

/** Standard base64, as checkpoints and proofs are written. */
export const hashToBase64 = (treeHash: TreeHash): string =>
  Buffer.from(treeHash, 'latin1').toString('base64');

/** Undefined for a text that is not the base64 of 32 bytes, written in the one way. */
export function hashFromBase64(text: string): TreeHash | undefined {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length !== HASH_BYTES || bytes.toString('base64') !== text) return undefined;
  return bytes.toString('binary') as TreeHash;
}
