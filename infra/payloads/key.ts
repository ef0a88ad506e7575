import { hash } from 'node:crypto';

/** What a payload is called in a store: SHA-256 of its ref. */
export const payloadName = (ref: string): string => hash('sha256', ref, 'hex');

/**
 * `<two digits>/<next two>/<SHA-256 of the ref>`, below a folder and in a bucket alike: no ref,
 * whatever it says, names anything outside.
 */
export function payloadKey(ref: string): string {
  const name = payloadName(ref);
  return `${name.slice(0, 2)}/${name.slice(2, 4)}/${name}`;
}
