/** How a receiver checks what it was told; written from the two standards, not from our code. */
import { createHmac } from 'node:crypto';
import type { Told } from './receiver.js';

/** What was wrong with the signatures as it was told; an empty list when both held. */
export function signatureFaults({ headers, raw, atMs }: Told, secret: string): readonly string[] {
  const header = (name: string) => String(headers[name]);
  const timestamp = header('x-signature-timestamp');
  const plain = createHmac('sha256', secret).update(`${timestamp}.${raw}`).digest('hex');
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const id = header('webhook-id');
  const standard = createHmac('sha256', key)
    .update(`${id}.${header('webhook-timestamp')}.${raw}`)
    .digest('base64');
  const ageSeconds = Math.abs(atMs / 1000 - Number(timestamp));
  return [
    ...(header('x-signature') === plain ? [] : ['X-Signature']),
    ...(header('webhook-signature').split(' ').includes(`v1,${standard}`)
      ? []
      : ['webhook-signature']),
    ...(header('webhook-timestamp') === timestamp ? [] : ['webhook-timestamp']),
    ...(ageSeconds < 300 ? [] : ['X-Signature-Timestamp']),
  ];
}
