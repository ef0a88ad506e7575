/** The key that a request carries as bearer. */
import { hash } from 'node:crypto';
import { Refusal } from './route.js';

const PREFIX = 'Bearer ';
/** RFC 9110: a scheme is case-insensitive. */
const prefixForm = /^bearer /i;

/** Throws a `Refusal` where there is none. */
export function bearerOf(authorization: string | undefined): string {
  if (authorization?.startsWith(PREFIX) || prefixForm.test(authorization ?? ''))
    return (authorization ?? '').slice(PREFIX.length);
  throw new Refusal('UNAUTHORIZED', 'Send your key in the header `Authorization: Bearer <key>`.');
}

/** Texts of any length are compared by digests of one. */
export const digestOf = (text: string): Buffer => hash('sha256', text, 'buffer');
