/** How processes of one system prove to one another that they are of it. */
import { createHmac, timingSafeEqual } from 'node:crypto';

export const FORWARDED_COMMANDS_PATH = '/forwarded-commands';
export const AUTHORIZATION = 'authorization';

const SCHEME = 'HMAC-SHA256 ';

export const signatureOf = (key: string, body: Buffer): string =>
  `${SCHEME}${macOf(key, body).toString('hex')}`;

export function isSignedBy(key: string, body: Buffer, header: string | undefined): boolean {
  if (!header?.startsWith(SCHEME)) return false;
  const given = Buffer.from(header.slice(SCHEME.length), 'hex');
  const expected = macOf(key, body);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

const macOf = (key: string, body: Buffer): Buffer =>
  createHmac('sha256', key).update(`${FORWARDED_COMMANDS_PATH}\n`).update(body).digest();
