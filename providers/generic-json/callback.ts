/**
 * Callbacks of a described provider. The URL that one comes to is unguessable, which is all that
 * many providers offer; where one signs, the signature has to be right as well.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { ProviderCallback } from '../port.js';
import type { Wire } from '../vendor.js';
import type { Description } from './description.js';

export async function checked(
  wire: Wire,
  { job }: Description,
  { headers, body }: ProviderCallback,
): Promise<'genuine' | 'forged' | 'unchecked'> {
  const hmac = job?.callback?.hmac;
  if (!hmac) return 'genuine';
  const secret = wire.credential(hmac.secretEnv)?.trim();
  if (!secret) return 'unchecked';
  const given = headers[hmac.header];
  const signed = await hmac.signed.fill({ headers, body: body.toString('utf8') }, {});
  if (given === undefined || typeof signed !== 'string') return 'forged';
  const key =
    hmac.secretAs === 'base64' ? Buffer.from(secret.replace(/^whsec_/, ''), 'base64') : secret;
  const expected = createHmac(hmac.algorithm, key).update(signed).digest(hmac.encoding);
  // A header may have several, as while a secret is changed.
  const isGenuine = given
    .split(/ +/)
    .some((one) => one.startsWith(hmac.prefix) && isSame(one.slice(hmac.prefix.length), expected));
  return isGenuine ? 'genuine' : 'forged';
}

function isSame(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}
