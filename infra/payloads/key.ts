import { hash } from 'node:crypto';

/**
 * `<two digits>/<next two>/<SHA-256 of the ref>`, below a folder and in a bucket alike: no ref,
 * whatever it says, names anything outside.
 */
export function payloadKey(ref: string): string {
  const name = hash('sha256', ref, 'hex');
  return `${name.slice(0, 2)}/${name.slice(2, 4)}/${name}`;
}
