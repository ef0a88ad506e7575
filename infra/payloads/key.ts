import { hash } from 'node:crypto';

/** What a payload is called in a store: SHA-256 of its ref. */
export const payloadName = (ref: string): string => hash('sha256', ref, 'hex');

/**
 * `<two digits>/<next two>/<SHA-256 of the ref>`, below a folder and in a bucket alike: no ref,
 * whatever it says, names anything outside.
 */
export const payloadKey = (ref: string): string => keyOfName(payloadName(ref));

export const keyOfName = (name: string): string =>
  `${name.slice(0, 2)}/${name.slice(2, 4)}/${name}`;

/** Whether it is the name of a payload, and not of something else that lies beside them. */
export const isPayloadName = (name: string): boolean => /^[0-9a-f]{64}$/.test(name);
